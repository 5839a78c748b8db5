//! Reads what is finished of a plan, and says what is missing.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::{FinishedRun, Job, NotFinished, Plan, PlannedRun};
use crate::run::{Lock, RunFolder};

/// Reads those of `runs`, lines of `plan`, that are finished. The others are returned with the reason why they are not:
/// the one that `reason` gives, or else how far the run has come.
pub fn gather<'a>(
    plan: &Plan,
    runs: impl IntoIterator<Item = &'a PlannedRun>,
    reason: impl Fn(&Job) -> Option<String>,
) -> (Vec<FinishedRun>, Vec<NotFinished>) {
    let mut finished = Vec::new();
    let mut missing = Vec::new();
    for run in runs {
        let folder = plan.folder(&run.job);
        // The run is read even where `reason` knows of a failure: an earlier process may have finished it.
        match read(run, &folder).unwrap_or_else(|error| Err(format!("{error:#}"))) {
            Ok(run) => finished.push(run),
            Err(found) => missing.push(NotFinished { job: run.job.clone(), reason: reason(&run.job).unwrap_or(found) }),
        }
    }
    (finished, missing)
}

/// The finished run in `folder`, or how far it has come.
fn read(run: &PlannedRun, folder: &Path) -> Result<Result<FinishedRun, String>> {
    let Some(found) = FinishedRun::read(&run.job, folder)? else {
        return Ok(Err(progress(folder, run.recipe.epochs)));
    };
    let recipe = found.recipe.as_ref().context("a run of a plan has a recipe, and this one was recorded elsewhere")?;
    run.check_recipe(recipe, folder)?;
    let data = &found.environment.as_ref().context("a run has an environment")?.data;
    ensure!(
        data.fingerprint == run.data.fingerprint,
        "the run in {} was trained on other data: {:?}, fingerprint {}, planned {}",
        folder.display(),
        data.source,
        data.fingerprint,
        run.data.fingerprint
    );
    Ok(Ok(found))
}

/// How far the unfinished run of `epochs` epochs in `folder` has come, in words.
pub fn progress(folder: &Path, epochs: u32) -> String {
    let done = RunFolder::open(folder).and_then(|run| run.epochs()).map(|log| log.records.len());
    match (Lock::holder(&folder.join(RunFolder::LOCK)), done) {
        (Some(owner), done) => format!("in training after {} of {epochs} epochs by {owner}", done.unwrap_or(0)),
        (None, Ok(done)) => format!("stopped after {done} of {epochs} epochs"),
        (None, Err(_)) => "not begun".to_owned(),
    }
}
