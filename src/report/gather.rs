//! Reads the runs of a report from their folders.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};

use super::{Report, ReportedRun, RunGroup};
use crate::{
    compare::{Comparison, FinishedRun, Job, NotFinished, Weights},
    data::{Fold, Gallery, Options},
    run::RunFolder,
};

impl Report {
    /// A report of the runs in `folders`, each a run folder, the folder of a comparison, or a folder of run folders. Runs of
    /// one recipe form a group. The first group is the baseline unless `baseline` names another.
    /// Fails if a folder holds no run, or damaged ones; no group has the baseline's name; the runs were measured on different
    /// images.
    pub fn read(folders: &[PathBuf], baseline: Option<&str>) -> Result<Self> {
        if let [folder] = folders
            && folder.join(Comparison::FILE).exists()
        {
            return of_comparison(folder, baseline);
        }
        let mut runs = Vec::new();
        for folder in folders {
            for run in runs_in(folder)? {
                runs.push(ReportedRun::read(&run)?);
            }
        }
        let command_line = match &runs[..] {
            [run] => run.environment.command_line.clone(),
            _ => std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect(),
        };
        Self::of(RunGroup::gather(runs), baseline, Vec::new(), command_line, None)
    }

    /// A report of one run, whose val images are in `gallery`.
    /// It does not fail: one run has nothing that could contradict it.
    pub fn of_run(run: ReportedRun, gallery: Gallery) -> Result<Self> {
        let command_line = run.environment.command_line.clone();
        Self::of(RunGroup::gather(vec![run]), None, Vec::new(), command_line, Some(gallery))
    }

    /// A report of `groups` and of runs that are missing. Without a `gallery` the images are read from the runs' data.
    fn of(
        mut groups: Vec<RunGroup>,
        baseline: Option<&str>,
        not_finished: Vec<NotFinished>,
        command_line: Vec<String>,
        gallery: Option<Gallery>,
    ) -> Result<Self> {
        let names: Vec<String> = groups.iter().map(|group| group.name.clone()).collect();
        let first = match baseline {
            None => 0,
            Some(baseline) => {
                let place = names.iter().position(|name| name == baseline);
                place.with_context(|| {
                    format!("no run here is of the baseline {baseline}: they are those of {}", names.join(", "))
                })?
            }
        };
        groups[..=first].rotate_right(1);
        let name = &names[first];
        let finished: Vec<FinishedRun> =
            groups.iter().flat_map(|group| &group.runs).filter_map(ReportedRun::finished).collect();
        let comparison = if finished.iter().any(|run| run.job.preset == *name) {
            Some(Comparison::new(&names, name, finished, not_finished.clone(), command_line.clone())?)
        } else {
            None
        };
        // A comparison also names the folds that are missing.
        let not_finished = comparison.as_ref().map_or(not_finished, |comparison| comparison.not_finished.clone());
        let gallery = gallery.map_or_else(|| find_gallery(&groups[0].runs[0]), Ok);
        Ok(Self { groups, comparison, not_finished, command_line, gallery, refresh: None })
    }

    /// The report of a comparison of models that were trained elsewhere: its curves, confusions and images are those of the run
    /// folders, of which predictions alone have none.
    /// Fails if a run folder has been moved or damaged since.
    pub fn of_models(comparison: Comparison) -> Result<Self> {
        let models = comparison.models.as_ref().context("the models of a comparison are named in it")?;
        let mut groups: Vec<RunGroup> = Vec::new();
        for model in &models.runs {
            if models.weights == Weights::Given {
                break;
            }
            let job = Job { preset: model.group.clone(), seed: model.seed, fold: model.fold };
            let run = ReportedRun { job, is_seed_known: true, ..ReportedRun::read(Path::new(&model.path))? };
            match groups.iter_mut().find(|group| group.name == model.group) {
                Some(group) => group.runs.push(run),
                None => groups.push(RunGroup { name: model.group.clone(), runs: vec![run] }),
            }
        }
        if let Some(first) = groups.iter().position(|group| group.name == comparison.baseline) {
            groups[..=first].rotate_right(1);
        }
        let gallery = match groups.first() {
            Some(group) => find_gallery(&group.runs[0]),
            None => Err("the comparison is of predictions alone".to_owned()),
        };
        let command_line = comparison.command_line.clone();
        let not_finished = Vec::new();
        Ok(Self { groups, comparison: Some(comparison), not_finished, command_line, gallery, refresh: None })
    }
}

/// The report of a comparison, whose `compare.json` lists its runs.
fn of_comparison(folder: &Path, baseline: Option<&str>) -> Result<Report> {
    let file = folder.join(Comparison::FILE);
    let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let known: Comparison = serde_json::from_str(&text).with_context(|| format!("{} is damaged", file.display()))?;
    if known.models.is_some() {
        ensure!(
            baseline.is_none(),
            "the models in {} were compared with `{}`: compare them again to have another baseline",
            file.display(),
            known.baseline
        );
        return Report::of_models(known);
    }
    let mut jobs: Vec<Job> = Vec::new();
    for preset in &known.presets {
        let folds: Vec<Option<u32>> = preset.folds.map_or(vec![None], |folds| (0..folds).map(Some).collect());
        for &seed in &preset.seeds {
            jobs.extend(folds.iter().map(|&fold| Job { preset: preset.preset.clone(), seed, fold }));
        }
    }
    jobs.extend(known.not_finished.iter().map(|missing| missing.job.clone()));
    let mut groups: Vec<RunGroup> = Vec::new();
    let mut missing = known.not_finished.clone();
    for job in jobs {
        match ReportedRun::read(&folder.join(job.name())) {
            Ok(run) => {
                let run = ReportedRun { job: job.clone(), ..run };
                match groups.iter_mut().find(|group| group.name == job.preset) {
                    Some(group) => group.runs.push(run),
                    None => groups.push(RunGroup { name: job.preset, runs: vec![run] }),
                }
            }
            // The comparison already says why this run never began.
            Err(_) if missing.iter().any(|missing| missing.job == job) => {}
            Err(error) => missing.push(NotFinished { job, reason: format!("{error:#}") }),
        }
    }
    ensure!(!groups.is_empty(), "{} names no run that is there", file.display());
    let mut report = Report::of(groups, Some(baseline.unwrap_or(&known.baseline)), missing, known.command_line, None)?;
    if let Some(question) = known.question {
        report.comparison = report.comparison.map(|comparison| comparison.answering(question));
    }
    Ok(report)
}

/// `folder` itself where it is a run folder, else the run folders directly in it.
fn runs_in(folder: &Path) -> Result<Vec<PathBuf>> {
    if RunFolder::is_run(folder) || !folder.is_dir() {
        return Ok(vec![folder.to_owned()]);
    }
    let failure = || format!("cannot read the folder {}", folder.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(failure)? {
        let path = entry.with_context(failure)?.path();
        if RunFolder::is_run(&path) {
            found.push(path);
        }
    }
    found.sort();
    if found.is_empty() {
        bail!("{} holds no run: neither {} nor folders with one", folder.display(), RunFolder::RECIPE);
    }
    Ok(found)
}

/// The val images of `run`, where its data have not been moved.
fn find_gallery(run: &ReportedRun) -> Result<Gallery, String> {
    let Some(recipe) = &run.recipe else {
        return Err("another training loop recorded this run, and mindgap does not list its images".to_owned());
    };
    let data = &run.environment.data;
    let source = data.path.as_ref().filter(|path| Path::new(path).exists()).unwrap_or(&data.source);
    let options = Options {
        data_seed: recipe.data_seed,
        fold: Fold::of_keys(recipe.folds, recipe.fold),
        selection: run.environment.selection(),
        ..Options::default()
    };
    Gallery::of_val(source, &options).map_err(|error| format!("{error:#}"))
}
