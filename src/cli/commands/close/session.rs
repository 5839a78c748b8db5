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
    resumed::{check_same, set_budget, set_jobs},
};
use crate::cli::{
    output::say::say,
    process::{plan_training::PlanTraining, signals},
};
use mindgap::{
    compare::{Job, Plan, PlannedRun},
    durable,
    recipe::Recipe,
    run::{Lock, RunFolder},
    search::{Base, CloseRecord, Network, Stage},
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
const LEFT: [&str; 4] = [CloseRecord::FILE, "close.lock", "spent.txt", CloseRecord::EXCLUDE_LIST];

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
