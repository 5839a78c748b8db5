//! `plan.jsonl`: the runs of a comparison, one a line and each complete, so that any machine can train any of them.
//!
//! A run is called by its index: its line, counted from 0. A plan only grows, and a line keeps its index, since tasks in
//! the queues of a cluster may hold indices already.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::{Job, PlannedRun};
use crate::{
    durable,
    recipe::KeyDifference,
    run::{Lock, RunFolder},
};

/// A plan on disk. The folder of its file holds the folders of its runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The file.
    pub path: PathBuf,
    /// Its lines.
    pub runs: Vec<PlannedRun>,
}

impl Plan {
    /// The name of a plan's file.
    pub const FILE: &str = "plan.jsonl";

    /// Reads a plan.
    ///
    /// # Errors
    /// There is none, its last line is cut short, or a line cannot be used; the message names the line.
    pub fn read(path: &Path) -> Result<Self> {
        ensure!(path.is_file(), "there is no plan {}: `mindgap plan` writes one", path.display());
        let lines = durable::read_json_lines::<Value>(path)?;
        ensure!(
            lines.torn.is_none(),
            "the last line of {} is cut short: copy the plan again, or plan into another folder",
            path.display()
        );
        let mut runs = Vec::new();
        for (number, line) in (1..).zip(&lines.values) {
            let run = PlannedRun::read(line).with_context(|| {
                format!("line {number} of {} cannot be used; plan into another folder", path.display())
            })?;
            runs.push(run);
        }
        ensure!(!runs.is_empty(), "the plan {} is empty", path.display());
        Ok(Self { path: path.to_owned(), runs })
    }

    /// Adds to the plan in `folder` those of `runs` that it lacks; creates folder and plan if need be. From now on all
    /// lines look for the data where `runs` found them. Also returns how many lines are new.
    ///
    /// # Errors
    /// The existing plan holds a run of the same name with another recipe, or runs on other data; the folder cannot be
    /// written to; another process is planning there.
    pub fn grow(folder: &Path, runs: Vec<PlannedRun>) -> Result<(Self, usize)> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
        durable::check_writable(folder)?;
        let _lock = Lock::take(&folder.join("plan.lock"))?;
        let path = folder.join(Self::FILE);
        let mut plan = if path.exists() { Self::read(&path)? } else { Self { path, runs: Vec::new() } };
        let before = plan.runs.len();
        for run in runs {
            plan.add(run)?;
        }
        let mut text = String::new();
        for run in &mut plan.runs {
            // The id is computed again, since a line that an earlier version wrote may gain keys.
            *run = PlannedRun::new(run.job.clone(), run.data.clone(), run.recipe.clone())?;
            text += &serde_json::to_string(run)?;
            text += "\n";
        }
        durable::write(&plan.path, text.as_bytes())?;
        let added = plan.runs.len() - before;
        Ok((plan, added))
    }

    fn add(&mut self, run: PlannedRun) -> Result<()> {
        let path = self.path.display();
        for planned in &mut self.runs {
            ensure!(
                planned.recipe.folds == run.recipe.folds && planned.job.fold.is_some() == run.job.fold.is_some(),
                "{path} is a plan for {}, not for {}; give this plan a folder of its own (--out)",
                folds_text(planned),
                folds_text(&run)
            );
            if (planned.job.fold, &planned.data.variant) != (run.job.fold, &run.data.variant) {
                // Another fold or variant of the same data has other images in train and val.
                planned.data.find_where(&run.data);
                continue;
            }
            ensure!(
                planned.data.fingerprint == run.data.fingerprint,
                "{path} is a plan for other data: {}, where {} has {}; give this plan a folder of its own (--out)",
                planned.data,
                run.job.name(),
                run.data
            );
            planned.data = run.data.clone();
        }
        let Some(planned) = self.runs.iter().find(|planned| planned.job == run.job) else {
            self.runs.push(run);
            return Ok(());
        };
        let differences = run.recipe.diff(&planned.recipe);
        if !differences.is_empty() {
            bail!(
                "{path} plans {} with another recipe (asked for here, planned there):{}\n\
                 Give this plan a folder of its own.",
                run.job.name(),
                KeyDifference::lines(&differences)
            );
        }
        Ok(())
    }

    /// The run with this index, from 0.
    ///
    /// # Errors
    /// The plan has fewer runs.
    pub fn run(&self, index: usize) -> Result<&PlannedRun> {
        let last = self.runs.len() - 1;
        let run = self.runs.get(index);
        run.with_context(|| format!("{} has no index {index}: its runs are 0 to {last}", self.path.display()))
    }

    /// The index of `job`.
    pub fn index(&self, job: &Job) -> Option<usize> {
        self.runs.iter().position(|run| run.job == *job)
    }

    /// The folder of `job`, beside the plan.
    pub fn folder(&self, job: &Job) -> PathBuf {
        self.path.with_file_name(job.name())
    }

    /// Whether the run of `job` is finished.
    pub fn is_done(&self, job: &Job) -> bool {
        self.folder(job).join(RunFolder::DONE).exists()
    }

    /// The presets in the order in which they were planned.
    pub fn presets(&self) -> Vec<String> {
        let mut presets: Vec<String> = Vec::new();
        for run in &self.runs {
            if !presets.contains(&run.job.preset) {
                presets.push(run.job.preset.clone());
            }
        }
        presets
    }
}

fn folds_text(run: &PlannedRun) -> String {
    match (run.job.fold, run.recipe.folds.zip(run.recipe.fold)) {
        (Some(_), Some((folds, _))) => format!("all of {folds} folds"),
        (None, Some((folds, fold))) => format!("fold {fold} of {folds}"),
        _ => "data without folds".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        compare::{PlannedData, jobs},
        data::Selection,
        recipe::Recipe,
    };

    fn planned(presets: &[&str], seeds: u64, change: impl Fn(&mut PlannedRun)) -> Vec<PlannedRun> {
        let data = PlannedData {
            source: "/data/photos".into(),
            selection: Selection::default(),
            skip_bad: false,
            variant: None,
            fingerprint: "00ff".into(),
            train: 900,
            val: 100,
        };
        let presets: Vec<String> = presets.iter().map(|&name| name.to_owned()).collect();
        let line = |job: Job| {
            let recipe = Recipe { seed: job.seed, lr: 0.1 + 0.2, ..Recipe::default() };
            let mut run = PlannedRun::new(job, data.clone(), recipe).unwrap();
            change(&mut run);
            PlannedRun::new(run.job, run.data, run.recipe).unwrap()
        };
        jobs(&presets, 0, seeds, None).into_iter().map(line).collect()
    }

    fn grow(folder: &Path, presets: &[&str], seeds: u64) -> Result<(Plan, usize)> {
        Plan::grow(folder, planned(presets, seeds, |_| {}))
    }

    #[test]
    fn a_plan_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let (plan, added) = grow(folder.path(), &["a", "b"], 2).unwrap();
        assert_eq!((plan.runs.len(), added), (4, 4));
        assert_eq!(Plan::read(&plan.path).unwrap(), plan);
        assert_eq!(plan.folder(&plan.runs[3].job), folder.path().join("b-seed1"));
    }

    #[test]
    fn more_seeds_and_presets_move_no_index() {
        let folder = tempfile::tempdir().unwrap();
        let names = |plan: &Plan| plan.runs.iter().map(|run| run.job.name()).collect::<Vec<_>>();
        let (plan, _) = grow(folder.path(), &["a", "b"], 1).unwrap();
        assert_eq!(grow(folder.path(), &["a", "b"], 1).unwrap(), (plan, 0));
        let (plan, added) = grow(folder.path(), &["c", "a"], 2).unwrap();
        assert_eq!((names(&plan).join(" "), added), ("a-seed0 b-seed0 c-seed0 c-seed1 a-seed1".into(), 3));
        assert_eq!(grow(folder.path(), &["b"], 1).unwrap(), (plan, 0));
    }

    #[test]
    fn data_that_were_moved_are_found_by_all_lines() {
        let folder = tempfile::tempdir().unwrap();
        grow(folder.path(), &["a", "b"], 2).unwrap();
        let moved = planned(&["a"], 1, |run| run.data.source = "/mnt/photos".into());
        let (plan, added) = Plan::grow(folder.path(), moved).unwrap();
        assert!(added == 0 && plan.runs.iter().all(|run| run.data.source == "/mnt/photos"));
    }

    #[test]
    fn a_line_that_was_changed_or_cut_short_is_refused_by_its_number() {
        let folder = tempfile::tempdir().unwrap();
        let (plan, _) = grow(folder.path(), &["a", "b"], 1).unwrap();
        let text = fs::read_to_string(&plan.path).unwrap();
        let (first, second) = text.split_once('\n').unwrap();
        let refused = |second: &str, expected: &str| {
            fs::write(&plan.path, format!("{first}\n{second}")).unwrap();
            let error = format!("{:#}", Plan::read(&plan.path).unwrap_err());
            assert!(error.contains(expected), "{error}");
        };
        let lr = second.replace("\"lr\":0.30000000000000004", "\"lr\":0.3");
        assert_ne!(lr, second);
        refused(&lr, "line 2");
        refused(&second.replace("00ff", "00fe"), "was changed");
        refused(&second.replace("\"b\"", "\"../b\""), "../b");
        refused(&second.replace("\"seed\":0,\"data\"", "\"seed\":1,\"data\""), "seed 1");
        refused(&second[..second.len() / 2], "cut short");
        refused(&second.replace("\"epochs\"", "\"epoch\""), "line 2");
        // The blanks between the words say nothing.
        fs::write(&plan.path, format!("{first}\n{}", second.replace("\":", "\": "))).unwrap();
        assert_eq!(Plan::read(&plan.path).unwrap(), plan);
    }
}
