//! Taking a run up again: may it go on, and from where.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use super::recipe_flags::{RecipeFlags, RecipeSource};
use crate::{
    data::Dataset,
    recipe::{Difference, Recipe},
    run::{Environment, RunFolder},
    train::{Checkpoint, Trainer},
};

/// A run that has begun.
pub struct Before {
    /// Its recipe.
    pub recipe: Recipe,
    /// Its data and machine.
    pub environment: Environment,
    path: std::path::PathBuf,
}

impl Before {
    /// The run in `path`, or None when none has begun there.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        let recipe = path.join(RunFolder::RECIPE);
        if !recipe.exists() {
            return Ok(None);
        }
        let source = RecipeSource { recipe: Some(recipe), ..Default::default() };
        let environment = RunFolder::open(path)?.environment()?;
        Ok(Some(Self { recipe: source.resolve()?, environment, path: path.to_owned() }))
    }

    /// The recipe with which the run goes on, given what was asked for: its own, or its own with more epochs.
    ///
    /// Without a preset or recipe file, the flags are laid over the run's own recipe. An extension keeps the schedule and
    /// lengthens its last phase.
    pub fn recipe_asked(&self, source: &RecipeSource) -> Result<Recipe> {
        let mut asked = if source.preset.is_none() && source.recipe.is_none() {
            let flags = RecipeFlags { epochs: None, ..source.flags.clone() };
            let recipe = Some(self.path.join(RunFolder::RECIPE));
            let own = RecipeSource { recipe, flags, ..Default::default() }.resolve()?;
            Recipe { epochs: source.flags.epochs.unwrap_or(own.epochs), ..own }
        } else {
            source.resolve()?
        };
        asked.img_size = asked.img_size.or(self.recipe.img_size);
        asked.in_chans = asked.in_chans.or(self.recipe.in_chans);

        let mut goes_on = self.recipe.clone();
        if asked.epochs > goes_on.epochs {
            goes_on.extend(asked.epochs)?;
            // What was asked for is the schedule of a run of that length from its beginning; this one has begun.
            asked.schedule.clone_from(&goes_on.schedule);
        }
        refuse_differences(&self.path, &asked.diff(&goes_on))?;
        Ok(goes_on)
    }

    /// Refuses data other than the run's.
    pub fn check_data(&self, data: &Dataset) -> Result<()> {
        let before = &self.environment.data;
        ensure!(
            before.fingerprint == data.fingerprint,
            "{} was trained on other data: {:?} with {} training and {} validation images, fingerprint {}, where there are now \
             {} and {}, fingerprint {}; start a new run with another --out",
            self.path.display(),
            before.source,
            before.train,
            before.val,
            before.fingerprint,
            data.train.len(),
            data.val.len(),
            data.fingerprint
        );
        Ok(())
    }
}

fn refuse_differences(path: &Path, differences: &[Difference]) -> Result<()> {
    if differences.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = differences.iter().map(|difference| format!("\n  {difference}")).collect();
    bail!(
        "the run in {} has another recipe (asked for here, recorded there):{}\n\
         Only --epochs may grow on --resume; start a new run with another --out.",
        path.display(),
        lines.concat()
    );
}

/// Puts the last good checkpoint of `folder` into `trainer` and cuts the records after it. Without a checkpoint the run
/// starts at its beginning.
pub fn restore(folder: &RunFolder, trainer: &mut Trainer, data: &Dataset) -> Result<()> {
    let mut complaints = Vec::new();
    for name in [RunFolder::LAST, RunFolder::PREVIOUS] {
        let path = folder.file(name);
        if !path.exists() {
            continue;
        }
        match Checkpoint::load(&path) {
            Ok(checkpoint) => {
                for complaint in &complaints {
                    eprintln!("warning: {complaint}; going on from {}", path.display());
                }
                ensure!(
                    checkpoint.data_fingerprint == data.fingerprint,
                    "{} belongs to other data (fingerprint {}, now {})",
                    path.display(),
                    checkpoint.data_fingerprint,
                    data.fingerprint
                );
                checkpoint.restore(trainer).with_context(|| path.display().to_string())?;
                folder.keep_epochs_through(trainer.position.epochs)?;
                return Ok(());
            }
            Err(error) => complaints.push(format!("{error:#}")),
        }
    }
    if !complaints.is_empty() {
        bail!("no checkpoint can be used: {}", complaints.join("; "));
    }
    folder.keep_epochs_through(0)?;
    Ok(())
}
