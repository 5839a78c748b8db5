//! Taking a run up again: may it go on, and from where.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use tch::Device;

use crate::cli::{flags::recipe::RecipeSource, output::say::say};
use mindgap::{
    data::{Dataset, SplitFolders},
    durable,
    model::pretrained,
    recipe::{KeyDifference, Recipe},
    run::{Environment, RunFolder, best_epoch},
    train::{Checkpoint, Position, Trainer},
};

/// A run that has begun.
pub struct Before {
    /// Its recipe.
    pub recipe: Recipe,
    /// Its data and machine.
    pub environment: Environment,
    path: PathBuf,
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
    /// Without a preset or recipe file, the flags are laid over the run's own recipe. An extension keeps the schedule
    /// and lengthens its last phase.
    pub fn recipe_asked(&self, source: &RecipeSource) -> Result<Recipe> {
        let mut asked = if source.preset.is_none() && source.recipe.is_none() {
            let flags = source.flags.without("epochs");
            let recipe = Some(self.path.join(RunFolder::RECIPE));
            let own = RecipeSource { recipe, flags, ..Default::default() }.resolve()?;
            match source.flags.number("epochs") {
                Some(epochs) => Recipe { epochs: epochs.try_into()?, ..own },
                None => own,
            }
        } else {
            source.resolve()?
        };
        asked.img_size = asked.img_size.or(self.recipe.img_size);
        asked.in_chans = asked.in_chans.or(self.recipe.in_chans);
        asked.range_16bit = asked.range_16bit.or(self.recipe.range_16bit);

        let mut goes_on = self.recipe.clone();
        if asked.epochs > goes_on.epochs {
            ensure!(
                !self.stopped_early(),
                "the run in {} stopped early, after {} epochs without a lower val loss (early_stop), so it would stop again \
                 at once; start a new run with another --out, without --early-stop or with more patience",
                self.path.display(),
                self.recipe.early_stop
            );
            goes_on.extend(asked.epochs)?;
            // What was asked for is the schedule of a run of that length from its beginning; this one has begun.
            asked.schedule.clone_from(&goes_on.schedule);
        }
        refuse_differences(&self.path, &asked.diff(&goes_on))?;
        Ok(goes_on)
    }

    /// Whether the run has ended by early stopping.
    fn stopped_early(&self) -> bool {
        let done = RunFolder::open(&self.path).and_then(|folder| folder.done());
        // A damaged file is told where it is needed.
        done.is_ok_and(|done| done.is_some_and(|done| done.early_stopped))
    }

    /// The run's trainer, to be restored. Where no checkpoint has been written yet it begins anew, for which its
    /// pretrained weights must still be the same; a checkpoint holds all that was made of them.
    pub fn trainer(&self, recipe: &Recipe, data: &Dataset, device: Device) -> Result<Trainer> {
        if [RunFolder::LAST, RunFolder::PREVIOUS].iter().any(|file| self.path.join(file).exists()) {
            self.warn_of_changed_weights();
            return Trainer::before_restore(recipe, data, device);
        }
        let trainer = Trainer::new(recipe, data, device)?;
        if let (Some(before), Some(now)) = (&self.environment.pretrained, &trainer.pretrained) {
            ensure!(
                before.hash == now.hash,
                "{} has changed since the run in {} began, and there is no checkpoint yet to go on from; start a new run with \
                 another --out",
                now.path,
                self.path.display()
            );
        }
        Ok(trainer)
    }

    fn warn_of_changed_weights(&self) {
        let Some(before) = &self.environment.pretrained else { return };
        // A file that has vanished is not needed any more.
        let Ok(file) = fs::read(&before.path) else { return };
        if pretrained::hash(&file) != before.hash {
            say(format_args!(
                "warning: {} has changed since the run began; it goes on from its own checkpoint",
                before.path
            ));
        }
    }

    /// The data of the run, findable from any folder.
    pub fn source(&self) -> String {
        let data = &self.environment.data;
        data.path.clone().unwrap_or_else(|| data.source.clone())
    }

    /// The list of samples that were left out of them.
    pub fn exclude(&self) -> Option<String> {
        self.environment.data.exclude.clone()
    }

    /// The folders of splits that were named.
    pub fn folders(&self) -> SplitFolders {
        self.environment.folders.clone()
    }

    /// The range of 16-bit values by which the run's images were read. Runs of before it was recorded kept the high byte.
    pub fn range_16bit(&self) -> [u16; 2] {
        self.recipe.range_16bit.unwrap_or([0, u16::MAX])
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

fn refuse_differences(path: &Path, differences: &[KeyDifference]) -> Result<()> {
    if differences.is_empty() {
        return Ok(());
    }
    bail!(
        "the run in {} has another recipe (asked for here, recorded there):{}\n\
         Only --epochs may grow on --resume; start a new run with another --out.",
        path.display(),
        KeyDifference::lines(differences)
    );
}

/// Puts the last good checkpoint of `folder` into `trainer` and cuts the records after it. Without a checkpoint the run
/// starts at its beginning.
///
/// # Errors
/// No checkpoint can be used, or what lies beside it does not belong to it; nothing of the folder is changed then.
pub fn restore(folder: &RunFolder, trainer: &mut Trainer, data: &Dataset) -> Result<()> {
    let Some(checkpoint) = usable_checkpoint(folder)? else {
        folder.keep_epochs_through(0)?;
        return Ok(());
    };
    let epochs = checkpoint.position.epochs;
    check_belongs(&checkpoint, folder, trainer, data)?;
    let records = folder.epochs()?.records;
    let numbers: Vec<u32> = records.iter().map(|record| record.epoch).take_while(|&epoch| epoch <= epochs).collect();
    ensure!(
        numbers == (1..=epochs).collect::<Vec<_>>(),
        "{} does not hold every epoch from 1 to {epochs}, after which the checkpoint was taken, and what is missing cannot be \
         made again; start a new run with another --out",
        folder.file(RunFolder::EPOCHS).display()
    );
    mend_best(folder, best_epoch(&records[..numbers.len()]).map(|record| record.epoch), epochs)?;
    checkpoint.restore(trainer)?;
    folder.keep_epochs_through(epochs)?;
    Ok(())
}

/// The last checkpoint, or the one before where the last is damaged; None where there is none.
fn usable_checkpoint(folder: &RunFolder) -> Result<Option<Checkpoint>> {
    let last = folder.file(RunFolder::LAST);
    let previous = folder.file(RunFolder::PREVIOUS);
    if !last.exists() && !previous.exists() {
        return Ok(None);
    }
    let damage = match Checkpoint::load(&last) {
        Ok(checkpoint) => return Ok(Some(checkpoint)),
        Err(damage) => damage,
    };
    let checkpoint = Checkpoint::load(&previous)
        .with_context(|| format!("no checkpoint can be used: {damage:#}; and the one before it neither"))?;
    say(format_args!("warning: {damage:#}; going on from {}", previous.display()));
    if last.exists() {
        // The next checkpoint makes the last one the previous one: a damaged one must not take the good one's place.
        let aside = folder.file("last.damaged.safetensors");
        fs::rename(&last, &aside).with_context(|| format!("{} cannot be set aside", last.display()))?;
    }
    Ok(Some(checkpoint))
}

fn check_belongs(checkpoint: &Checkpoint, folder: &RunFolder, trainer: &Trainer, data: &Dataset) -> Result<()> {
    let place = folder.path().display();
    ensure!(
        checkpoint.data_fingerprint == data.fingerprint,
        "the checkpoint in {place} belongs to other data (fingerprint {}, now {}); start a new run with another --out",
        checkpoint.data_fingerprint,
        data.fingerprint
    );
    ensure!(
        checkpoint.position.epochs <= trainer.recipe.epochs,
        "the checkpoint in {place} was taken after epoch {}, beyond the {} epochs of the run's recipe",
        checkpoint.position.epochs,
        trainer.recipe.epochs
    );
    let mut expected = checkpoint.recipe.clone();
    if expected.epochs < trainer.recipe.epochs {
        expected.extend(trainer.recipe.epochs)?;
    }
    // Two extensions may round the length of the last phase otherwise than one.
    let last_length = format!("schedule[{}].epochs", expected.schedule.len().saturating_sub(1));
    let mut differences = trainer.recipe.diff(&expected);
    differences.retain(|difference| difference.key != last_length);
    refuse_differences(folder.path(), &differences)
}

/// Sees to it that `best.safetensors` holds the state after epoch `best`, or after a later one that the run is about to
/// repeat. Where it is damaged, the same state in another checkpoint takes its place.
fn mend_best(folder: &RunFolder, best: Option<u32>, epochs: u32) -> Result<()> {
    let Some(best) = best else { return Ok(()) };
    let path = folder.file(RunFolder::BEST);
    let damage = match Checkpoint::load(&path) {
        Ok(state) if state.position.epochs == best || state.position.epochs > epochs => return Ok(()),
        Ok(state) => anyhow!("it holds the state after epoch {}, not {best}", state.position.epochs),
        Err(damage) => damage,
    };
    for name in [RunFolder::LAST, RunFolder::PREVIOUS] {
        let other = folder.file(name);
        if Checkpoint::load(&other)
            .is_ok_and(|state| state.position == (Position { epochs: best, ..Position::default() }))
        {
            say(format_args!("warning: {} cannot be used ({damage:#}); it is made again from {name}", path.display()));
            return durable::write(&path, &fs::read(&other)?);
        }
    }
    bail!(
        "{} cannot be used ({damage:#}), and no other checkpoint holds the best epoch, {best}; start a new run with another --out",
        path.display()
    );
}
