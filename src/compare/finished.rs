//! What one finished run found, read from its folder.

use std::path::Path;

use anyhow::{Context, Result, bail};

use super::Job;
use crate::{
    recipe::{Layers, Recipe, resolve},
    run::{DataSource, Done, Measured, RunFolder, Versions},
};

/// One finished run.
#[derive(Clone, Debug)]
pub struct FinishedRun {
    /// Which run it is.
    pub job: Job,
    /// Its recipe.
    pub recipe: Recipe,
    /// On what it was trained.
    pub data: DataSource,
    /// What computed.
    pub versions: Versions,
    /// Its final figures.
    pub done: Done,
    /// Val after the last epoch, image by image.
    pub val: Measured,
    /// The sample ids of those images.
    pub ids: Vec<i64>,
}

impl FinishedRun {
    /// Reads the run of `job` from `folder`; None where it is not finished.
    ///
    /// # Errors
    /// A file of it is damaged.
    pub fn read(job: &Job, folder: &Path) -> Result<Option<Self>> {
        let read = || {
            let folder = RunFolder::open(folder)?;
            let Some(done) = folder.done()? else { return Ok(None) };
            let environment = folder.environment()?;
            let val = folder.predictions()?.last_val;
            let recipe = resolve(&Layers::default().file(&folder.file(RunFolder::RECIPE))?)?;
            if recipe.seed != job.seed {
                bail!("it was trained with seed {}, not {}", recipe.seed, job.seed);
            }
            Ok(Some(Self {
                job: job.clone(),
                recipe,
                data: environment.data,
                versions: environment.versions,
                done,
                val: val.measured(),
                ids: val.ids,
            }))
        };
        if !folder.join(RunFolder::DONE).exists() {
            return Ok(None);
        }
        read().with_context(|| format!("the run in {} cannot be compared", folder.display()))
    }
}
