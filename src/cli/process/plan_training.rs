//! Trains lines of a plan on this machine, each by a `mindgap run` in a process of its own.

use std::{path::PathBuf, sync::atomic::AtomicBool};

use anyhow::{Context, Result, bail};

use super::{child, progress::Race};
use crate::cli::flags::{compute::Compute, data::DataFlags};
use mindgap::{
    compare::{self, Job, JobStatus, Plan, PlannedRun},
    model::Architecture,
    recipe::Recipe,
    run::RunFolder,
};

/// How lines of a plan are trained.
pub struct PlanTraining<'a> {
    pub data: &'a DataFlags,
    /// The device, and the threads that the runs share.
    pub compute: &'a Compute,
    /// Runs at a time.
    pub parallel: u16,
}

/// How each run ended.
pub struct Ends {
    jobs: Vec<Job>,
    statuses: Vec<JobStatus>,
}

impl PlanTraining<'_> {
    /// Trains `runs`, lines of `plan`, until all have ended or `stop` is set. Runs that are finished are not trained again.
    /// Shows the progress on stderr.
    pub fn train(&self, plan: &Plan, runs: &[PlannedRun], stop: &AtomicBool) -> Ends {
        let jobs: Vec<Job> = runs.iter().map(|run| run.job.clone()).collect();
        let parallel = usize::from(self.parallel).min(jobs.len());
        let threads = self.compute.threads_of_each(parallel);
        let mut entries = Vec::new();
        for run in runs {
            entries.push((run.job.name(), run.recipe.epochs, epoch_cost(&run.recipe)));
        }
        let race = Race::new(entries);
        let train_one = |job: &Job| self.train_one(plan, job, threads, stop, |epoch| race.reached(&job.name(), epoch));
        let statuses = compare::run(&jobs, parallel, stop, train_one, |job, status| race.ended(&job.name(), status));
        Ends { jobs, statuses }
    }

    /// Trains the run of `job`, a line of `plan`, with `threads` threads (one that was begun before keeps its own), and calls `on_epoch`
    /// with the number of each finished epoch.
    /// Returns true when the run is done, false when `stop` ended it.
    /// Fails if the run does.
    pub fn train_one(
        &self,
        plan: &Plan,
        job: &Job,
        threads: usize,
        stop: &AtomicBool,
        on_epoch: impl Fn(u32) + Sync,
    ) -> Result<bool> {
        let index = plan.index(job).context("the run is a line of its plan")?;
        let mut words = vec!["run".to_owned(), format!("--plan={}", plan.path.display()), format!("--index={index}")];
        words.extend(self.data.reading_words());
        let folder = plan.folder(job);
        let is_begun = folder.join(RunFolder::RECIPE).exists();
        words.extend(self.compute.words((!is_begun).then_some(threads)));
        let log = PathBuf::from(format!("{}.log", folder.display()));
        let is_done = child::train(&words, &log, stop, on_epoch)?;
        if is_done && !plan.is_done(job) {
            bail!("{}", compare::progress(&folder, plan.run(index)?.recipe.epochs));
        }
        Ok(is_done)
    }
}

impl Ends {
    /// Why the run of `job` failed, if it did.
    pub fn failure(&self, job: &Job) -> Option<String> {
        Some(format!("{:#}", self.error(job)?))
    }

    /// Whether the run of `job` was killed from outside.
    pub fn is_killed(&self, job: &Job) -> bool {
        self.error(job).is_some_and(|error| error.downcast_ref::<child::Killed>().is_some())
    }

    fn error(&self, job: &Job) -> Option<&anyhow::Error> {
        let index = self.jobs.iter().position(|other| other == job)?;
        if let JobStatus::Failed(error) = &self.statuses[index] { Some(error) } else { None }
    }

    /// Whether a signal stopped any of the runs.
    pub fn is_stopped(&self) -> bool {
        self.statuses.iter().any(|status| matches!(status, JobStatus::Stopped))
    }
}

/// The cost of an epoch of `recipe` relative to other recipes on the same images: multiply-adds of one image. Sizes that
/// only the data decide are set to usual ones, since only the ratio counts.
fn epoch_cost(recipe: &Recipe) -> f64 {
    let network = Architecture::new(recipe, recipe.in_chans.unwrap_or(1), 10);
    network.map_or(1.0, |network| network.cost(recipe.img_size.unwrap_or(48)).multiply_adds as f64)
}
