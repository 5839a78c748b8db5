//! A search on disk: its folder, its record, its clock, and the runs that it trains.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use super::{
    args::Args,
    clock::{Clock, text_of},
};
use crate::cli::{
    output::say::say,
    process::{plan_training::PlanTraining, signals},
};
use mindgap::{
    compare::{Job, Plan, PlannedRun},
    data::Selection,
    durable,
    recipe::{KeyDifference, Recipe},
    run::{Lock, RunFolder},
    search::{Base, CloseRecord, Network, Stage},
    stats,
    train::Failure,
};

/// How long the process of a killed search may take to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// A search in progress.
pub struct Session {
    pub args: Args,
    pub record: CloseRecord,
    pub stop: Arc<AtomicBool>,
    clock: Clock,
    /// Held as long as this process works in the folder.
    _lock: Lock,
}

/// How a training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// All its runs are finished.
    Finished,
    /// A signal stopped it.
    Stopped,
    /// Its runs stand in the plan, and other machines have not trained all of them.
    Planned,
}

impl Session {
    /// Opens the folder: a new search, or one to resume.
    /// Fails if the folder holds a search and --resume is not given, or none and it is, or if another process works there.
    pub fn open(args: &Args) -> Result<Self> {
        let mut args = args.clone();
        let given = args.out.clone();
        // The record names folders, which are found from anywhere.
        args.out = std::path::absolute(&args.out)?;
        let path = args.out.join(CloseRecord::FILE);
        let mut record = if path.exists() { read(&path)? } else { CloseRecord::default() };
        // What ended before anything was decided, as with a wrong path, is no search.
        let exists = record.reference.is_some() || (args.resume && record.budget_seconds > 0.0);
        ensure!(
            args.resume || !exists,
            "{} holds a search: add --resume to continue it, or choose another --out",
            given.display()
        );
        if !exists {
            ensure!(args.budget.is_some(), "{} holds no search to resume: give --budget", given.display());
            check_unused(&args.out, &given)?;
        }
        let asked = args.asked()?;
        std::fs::create_dir_all(&args.out).with_context(|| format!("cannot make the folder {}", args.out.display()))?;
        durable::check_writable(&args.out)?;
        let lock = Lock::take(&args.out.join("close.lock"))?;
        if exists {
            check_same(&args, &record)?;
        } else {
            record = CloseRecord::default();
            record.selection = args.data.selection();
            record.seed = asked.seed;
            record.asked = Some(asked);
            record.seeds = u64::from(args.seeds.unwrap_or(1));
            record.is_own = args.has_own_recipe();
            record.reference_name = args.reference_name();
            record.folds_asked = args.folds();
            record.keys_set = args.recipe.flags.keys();
            record.command_line = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
        }
        record.mindgap = env!("CARGO_PKG_VERSION").to_owned();
        if !exists {
            record.jobs = args.jobs.unwrap_or(1);
        }
        if let Some(jobs) = args.jobs {
            set_jobs(&mut record, jobs).with_context(|| format!("the search in {}", args.out.display()))?;
        }
        record.target_gap = args.target_gap.or(record.target_gap);
        record.target_acc = args.target_acc.or(record.target_acc);
        if let Some(budget) = args.budget {
            set_budget(&mut record, budget.as_secs_f64())
                .with_context(|| format!("the search in {}", args.out.display()))?;
        }
        // A flag that differs from the recorded recipe was refused: this one is --amp=false. Workers may lack the instructions that this machine has.
        let forbids_amp = args.plan || args.recipe.flags.sets("amp");
        if forbids_amp && record.amp && !record.decides_amp() {
            ensure!(
                record.stage <= Stage::Planned,
                "the candidates of the search in {} train in mixed precision: begin another one with --amp=false",
                args.out.display()
            );
            record.plan = None;
            record.keys_set.extend(args.recipe.flags.sets("amp").then(|| "amp".to_owned()));
        }
        args.data.source = Some(args.subject.clone());
        // The recorded selection holds the list of what is left out.
        let selection = record.data.first().map_or(&record.selection, |data| &data.selection);
        args.data = args.data.reading(selection.clone());
        let clock = Clock::resume(&args.out, if exists { record.spent_seconds } else { 0.0 }, exists);
        let mut session = Self { args, record, stop: signals::stop_flag()?, clock, _lock: lock };
        session.save()?;
        Ok(session)
    }

    /// Seconds spent so far, over all resumes.
    pub fn spent(&self) -> f64 {
        self.clock.spent()
    }

    /// Seconds left for training, with what is kept for verdict and files taken off.
    pub fn left(&self) -> f64 {
        let left = self.record.budget_seconds - self.spent();
        match &self.record.plan {
            None => left,
            // The workers' time is not this process's.
            Some(plan) if self.args.plan => (left - plan.rest).min(plan.last),
            Some(plan) => left - plan.rest,
        }
    }

    /// Writes `close.json`.
    pub fn save(&mut self) -> Result<()> {
        self.record.spent_seconds = self.spent();
        let json = serde_json::to_string_pretty(&self.record)? + "\n";
        durable::write(&self.args.out.join(CloseRecord::FILE), json.as_bytes())
    }

    /// Notes that `stage` has begun, and writes it.
    pub fn enter(&mut self, stage: Stage) -> Result<()> {
        self.record.stage = stage;
        self.save()
    }

    /// Says a line, with the time before it.
    pub fn tell(&self, text: impl std::fmt::Display) {
        say(format_args!("{} {text}", text_of(self.spent())));
    }

    /// The number of folds into which the data are divided; None where val is given or drawn.
    pub fn fold_count(&self) -> Option<u32> {
        self.record.look.as_ref().and_then(|look| look.folds)
    }

    /// Runs of a training with one seed: one, or one for each fold.
    pub fn folds(&self) -> f64 {
        f64::from(self.fold_count().unwrap_or(1))
    }

    /// Runs of reference or winner: one for each seed and fold.
    pub fn runs(&self) -> f64 {
        self.folds() * self.record.seeds as f64
    }

    /// What the candidates share.
    pub fn base(&self) -> Result<Base> {
        let reference = self.record.reference.as_ref().context("the reference is known by now")?;
        let reference = self.record.whole_reference.as_ref().unwrap_or(&reference.recipe).clone();
        let images = self.record.data.first().context("the data are known by now")?.train;
        let networks: Vec<Network> = self.record.paces.iter().map(|pace| pace.network.clone()).collect();
        Ok(Base { reference, is_own: self.record.is_own, images, networks, amp: self.record.amp })
    }

    /// The lines of a plan that train `recipe` under `name`: one, or one for each fold.
    pub fn lines(&self, name: &str, recipe: &Recipe) -> Result<Vec<PlannedRun>> {
        let folds = self.fold_count();
        let mut lines = Vec::new();
        for (fold, data) in (0..).zip(&self.record.data) {
            let fold = folds.map(|_| fold);
            let recipe = Recipe { folds, fold, ..recipe.clone() };
            recipe.validate().with_context(|| name.to_owned())?;
            let job = Job { preset: name.to_owned(), seed: recipe.seed, fold };
            lines.push(PlannedRun::new(job, data.clone(), recipe)?);
        }
        Ok(lines)
    }

    /// Those lines for each seed of reference and winner.
    pub fn lines_of_seeds(&self, name: &str, recipe: &Recipe) -> Result<Vec<PlannedRun>> {
        let mut lines = Vec::new();
        for seed in self.record.seed..self.record.seed + self.record.seeds {
            lines.extend(self.lines(name, &Recipe { seed, ..recipe.clone() })?);
        }
        Ok(lines)
    }

    /// The folders of the runs of `recipe` under `name`.
    pub fn folders(&self, name: &str, recipe: &Recipe) -> Result<Vec<PathBuf>> {
        Ok(self.lines(name, recipe)?.iter().map(|run| self.args.out.join(run.job.name())).collect())
    }

    /// Trains `recipe` with each seed under `name`, one run after the other, and shows its epochs.
    /// Fails if a run does, with a context of [`Interrupted`] where that is no fault of the recipe.
    pub fn train(&mut self, name: &str, recipe: &Recipe) -> Result<Ended> {
        let lines = self.lines_of_seeds(name, recipe)?;
        let (plan, _) = Plan::grow(&self.args.out, lines.clone())?;
        if self.args.plan {
            let is_done = lines.iter().all(|run| plan.is_done(&run.job));
            return Ok(if is_done { Ended::Finished } else { Ended::Planned });
        }
        let (data, compute) = (self.args.data.clone(), self.args.compute.clone());
        let training = PlanTraining { data: &data, compute: &compute, parallel: self.record.jobs };
        for run in &lines {
            wait_for(&plan.folder(&run.job))?;
        }
        let ends = training.train(&plan, &lines, &self.stop);
        self.save()?;
        if ends.is_stopped() {
            return Ok(Ended::Stopped);
        }
        let failed = |run: &&PlannedRun| ends.failure(&run.job).is_some();
        let Some(run) = lines.iter().find(failed) else { return Ok(Ended::Finished) };
        self.check_data()?;
        let why = ends.failure(&run.job).unwrap_or_default();
        let failure = anyhow::Error::new(Failure(format!("{}: {why}", run.job.name())));
        Err(if ends.is_killed(&run.job) { failure.context(Interrupted) } else { failure })
    }
}

/// What says that a training was ended from outside.
#[derive(Debug)]
pub struct Interrupted;

impl fmt::Display for Interrupted {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a training was ended from outside; the same command with --resume continues it")
    }
}

/// What a search that ended before anything was decided leaves in its folder.
const LEFT: [&str; 4] = [CloseRecord::FILE, "close.lock", "spent.txt", "exclude.txt"];

/// Fails if the folder `out`, which the user calls `given`, holds something else than a search.
fn check_unused(out: &Path, given: &Path) -> Result<()> {
    let Ok(entries) = out.read_dir() else { return Ok(()) };
    for entry in entries {
        let found = entry?.file_name().to_string_lossy().into_owned();
        ensure!(LEFT.contains(&&*found), "{} is not empty (it holds {found}): choose another --out", given.display());
    }
    Ok(())
}

/// Waits until no process trains the run in `folder`: one whose search was killed writes its checkpoint before it ends.
/// Fails if one still does after a minute.
pub fn wait_for(folder: &Path) -> Result<()> {
    if folder.exists() {
        drop(Lock::take_within(&folder.join(RunFolder::LOCK), PATIENCE)?);
    }
    Ok(())
}

fn read(path: &Path) -> Result<CloseRecord> {
    let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&text)
        .with_context(|| format!("{} is damaged, or no record of a search: choose another --out", path.display()))
}

/// Checks that the flags of a resumed search are those of its beginning, as far as finished runs depend on them.
fn check_same(args: &Args, record: &CloseRecord) -> Result<()> {
    if let Some(data) = record.data.first() {
        let absolute = std::path::absolute(&args.subject)?.display().to_string();
        let given = if args.subject == "faces" { &args.subject } else { &absolute };
        // As paths, which a slash at the end does not change.
        ensure!(
            Path::new(given) == Path::new(&data.source),
            "the search in {} is on the data {:?}, not {given:?}: name the data as at its beginning, or choose another --out",
            args.out.display(),
            data.source
        );
    }
    if let Some(seeds) = args.seeds {
        ensure!(
            u64::from(seeds) == record.seeds,
            "the search in {} has --seeds {}, not {seeds}",
            args.out.display(),
            record.seeds
        );
    }
    if let Some(folds) = args.folds() {
        let record_folds = record.look.as_ref().map_or(record.folds_asked, |look| look.folds);
        ensure!(
            Some(folds) == record_folds,
            "the search in {} {}, not --folds {folds}",
            args.out.display(),
            record_folds.map_or("has no folds".to_owned(), |folds| format!("has --folds {folds}"))
        );
    }
    let selection = args.data.selection();
    ensure!(
        selection == Selection::default() || selection == record.selection,
        "the search in {} reads other images: leave out the flags of the data, or give those that it began with",
        args.out.display()
    );
    if args.say_recipe() {
        let differences = args.asked()?.diff(record.asked.as_ref().unwrap_or(&Recipe::default()));
        ensure!(
            differences.is_empty(),
            "the search in {} began with another recipe (asked for here, recorded there):{}",
            args.out.display(),
            KeyDifference::lines(&differences)
        );
    }
    Ok(())
}

/// Sets the budget. Where nothing is trained yet there is a new plan; later the winner's time changes.
/// Fails where the winner's epochs are decided.
fn set_budget(record: &mut CloseRecord, budget: f64) -> Result<()> {
    let is_decided = record.last.is_some() || record.stage == Stage::Done;
    ensure!(
        budget == record.budget_seconds || !is_decided,
        "the length of its winner is decided, with a budget of {}: leave --budget out, or choose another --out",
        text_of(record.budget_seconds)
    );
    if record.stage <= Stage::Planned && budget != record.budget_seconds {
        record.plan = None;
    }
    if let Some(plan) = &mut record.plan {
        plan.last = (plan.last + budget - plan.budget).max(0.0);
        plan.budget = budget;
    }
    record.budget_seconds = budget;
    Ok(())
}

/// Sets the number of runs at a time, by which the plan divides the time: before anything is trained there is a new plan.
/// Fails later.
fn set_jobs(record: &mut CloseRecord, jobs: u16) -> Result<()> {
    if record.jobs == jobs {
        return Ok(());
    }
    ensure!(
        record.stage <= Stage::Planned,
        "it is planned for --jobs {}, not {jobs}: leave --jobs out, or choose another --out",
        record.jobs
    );
    (record.jobs, record.plan) = (jobs, None);
    Ok(())
}

/// The mean seconds of an epoch over the finished runs in `folders`; None where one is not finished.
pub fn epoch_seconds(folders: &[impl AsRef<Path>]) -> Option<f64> {
    let mut means = Vec::new();
    for folder in folders {
        let records = RunFolder::open(folder.as_ref()).ok()?.epochs().ok()?.records;
        means.push(mean_of_whole(records.iter().map(|record| record.seconds).collect()));
    }
    let mean = stats::mean(&means);
    (mean > 0.0).then_some(mean)
}

/// The mean of the times of epochs that are not far shorter than the others: an epoch in which a run was resumed has the time since then. Those
/// of a run whose images grow (`progressive`) are no shorter than that.
fn mean_of_whole(mut seconds: Vec<f64>) -> f64 {
    const FAR_SHORTER: f64 = 0.4;
    seconds.sort_by(f64::total_cmp);
    let Some(middle) = seconds.get(seconds.len() / 2).copied() else { return f64::NAN };
    seconds.retain(|time| *time >= FAR_SHORTER * middle);
    stats::mean(&seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_that_was_resumed_does_not_count() {
        assert_eq!(mean_of_whole(vec![40.0, 4.0, 44.0]), 42.0);
        assert_eq!(mean_of_whole(vec![9.0, 40.0]), 40.0);
        assert_eq!(mean_of_whole(vec![20.0, 30.0, 44.0, 44.0]), 34.5);
        assert!(mean_of_whole(Vec::new()).is_nan());
    }
}
