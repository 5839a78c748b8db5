//! The figures of one finished run, read from its folder.

use std::path::Path;

use anyhow::{Context, Result, bail};

use super::Job;
use crate::{
    recipe::Recipe,
    run::{DataSource, Done, Measured, RunFolder, Versions},
};

/// One finished run.
#[derive(Clone, Debug)]
pub struct FinishedRun {
    /// Preset and seed.
    pub job: Job,
    /// Recipe of the run; None for a recorded run.
    pub recipe: Option<Recipe>,
    /// The data that it was trained on.
    pub data: DataSource,
    /// Programs and device that trained it.
    pub versions: Versions,
    /// Final figures of the run.
    pub done: Done,
    /// Losses and hits on val after the last epoch, image by image.
    pub val: Measured,
    /// The sample ids of the val images.
    pub ids: Vec<i64>,
}

impl FinishedRun {
    /// Reads the run of `job` from `folder`; None where it is not finished.
    ///
    /// # Errors
    /// A file of it is damaged.
    pub fn read(job: &Job, folder: &Path) -> Result<Option<Self>> {
        if !folder.join(RunFolder::DONE).exists() {
            return Ok(None);
        }
        read(job, folder).with_context(|| format!("the run in {} cannot be compared", folder.display()))
    }
}

fn read(job: &Job, folder: &Path) -> Result<Option<FinishedRun>> {
    let folder = RunFolder::open(folder)?;
    let Some(done) = folder.done()? else { return Ok(None) };
    let environment = folder.environment()?;
    let val = folder.predictions()?.last_val;
    let recipe = folder.recipe()?;
    if let Some(recipe) = recipe.as_ref().filter(|recipe| recipe.seed != job.seed) {
        bail!("it was trained with seed {}, not {}", recipe.seed, job.seed);
    }
    Ok(Some(FinishedRun {
        job: job.clone(),
        recipe,
        data: environment.data,
        versions: environment.versions,
        done,
        val: val.measured(),
        ids: val.ids,
    }))
}
