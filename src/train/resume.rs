//! Resuming a run: whether it may continue, and from which state.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use tch::Device;

use super::{Checkpoint, EarlyStopping, Position, Trainer};
use crate::{
    data::Dataset,
    durable,
    hub::Cache,
    model::pretrained,
    recipe::{HubName, KeyDifference, Recipe},
    run::{Environment, RunFolder, best_epoch},
};

/// A run that was begun in a folder before.
pub struct Previous {
    /// The recipe of the run.
    pub recipe: Recipe,
    /// The data and the machine of the run.
    pub environment: Environment,
    path: PathBuf,
}

impl Previous {
    /// Reads the run in `path`; None where none was begun.
    ///
    /// # Errors
    /// The recipe or the environment of the run cannot be read, or another training loop recorded the run.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        if let Some(recorder) = RunFolder::recorder(path) {
            bail!(
                "{} holds a run that another training loop recorded ({}): mindgap cannot resume it; choose another folder",
                path.display(),
                recorder.framework
            );
        }
        if !path.join(RunFolder::RECIPE).exists() {
            return Ok(None);
        }
        let folder = RunFolder::open(path)?;
        let recipe = folder.recipe()?.context("mindgap's own run has a recipe")?;
        Ok(Some(Self { recipe, environment: folder.environment()?, path: path.to_owned() }))
    }

    /// The file of the run's recipe.
    pub fn recipe_file(&self) -> PathBuf {
        self.path.join(RunFolder::RECIPE)
    }

    /// The recipe with which the run continues if `asked` is requested: the run's own recipe, perhaps with more epochs.
    /// An extension keeps the schedule and lengthens its last phase.
    ///
    /// # Errors
    /// `asked` differs in anything but a larger number of epochs, or the run has stopped early.
    pub fn recipe_to_continue(&self, mut asked: Recipe) -> Result<Recipe> {
        asked.img_size = asked.img_size.or(self.recipe.img_size);
        asked.in_chans = asked.in_chans.or(self.recipe.in_chans);
        asked.range_16bit = asked.range_16bit.or(self.recipe.range_16bit);
        if self.is_recorded_on_hub(&asked) {
            asked.pretrained.clone_from(&self.recipe.pretrained);
        }

        let mut continued = self.recipe.clone();
        if asked.epochs > continued.epochs {
            ensure!(
                !self.stopped_early(),
                "the run in {} stopped early, after {} epochs without a lower val loss (early_stop), so it would stop again \
                 at once; start a new run in another folder, without early_stop or with a larger one",
                self.path.display(),
                self.recipe.early_stop
            );
            continued.extend(asked.epochs)?;
            // `asked` has the schedule of a run of this length from its beginning, but this run has begun with another.
            asked.schedule.clone_from(&continued.schedule);
        } else if self.is_extension_of(&asked) {
            asked.schedule.clone_from(&continued.schedule);
        }
        refuse_differences(&self.path, &asked.diff(&continued))?;
        Ok(continued)
    }

    /// Whether the run was extended to the epochs of `asked`, whose schedule is that of such a run from its beginning.
    fn is_extension_of(&self, asked: &Recipe) -> bool {
        let Some(initial) = self.environment.initial_epochs else { return false };
        let mut extended =
            Recipe { schedule: asked.clone().epochs(initial).schedule, epochs: initial, ..self.recipe.clone() };
        extended.extend(asked.epochs).is_ok() && without_last_length(self.recipe.diff(&extended), &extended).is_empty()
    }

    /// Whether `asked` names the weights that the run began with: its repository on the hub, without a revision or with
    /// one that the cache knows as the recorded commit.
    fn is_recorded_on_hub(&self, asked: &Recipe) -> bool {
        let name = |recipe: &Recipe| recipe.pretrained.as_deref().and_then(HubName::recorded);
        let (Some(asked), Some(recorded)) = (name(asked), name(&self.recipe)) else { return false };
        let cached = || Cache::from_env().ok().and_then(|cache| cache.commit(&asked));
        asked.repo == recorded.repo && (asked.revision.is_none() || cached() == recorded.revision)
    }

    /// Whether the weights of `pretrained` are needed and not there: the run has no checkpoint yet and starts again from its
    /// beginning, and the file of the hub that it began with is gone.
    pub fn needs_weights(&self) -> bool {
        let is_recorded = self.recorded_file().is_some();
        !is_recorded && ![RunFolder::LAST, RunFolder::PREVIOUS].iter().any(|file| self.path.join(file).exists())
    }

    /// The file of the hub that the run began with, where it is still there.
    fn recorded_file(&self) -> Option<String> {
        let file = self.environment.pretrained.as_ref().filter(|file| file.commit.is_some())?;
        Path::new(&file.path).exists().then(|| file.path.clone())
    }

    /// Whether early stopping is due after the run's epochs so far, the last one of its recipe included.
    fn stopped_early(&self) -> bool {
        // A damaged file is reported where it is needed.
        let epochs = RunFolder::open(&self.path).and_then(|folder| folder.epochs());
        let mut early_stopping = EarlyStopping::default();
        for record in epochs.map(|epochs| epochs.records).unwrap_or_default() {
            early_stopping.update(record.val_loss);
        }
        early_stopping.is_due(self.recipe.early_stop)
    }

    /// A trainer for the run, which a checkpoint will restore. Where no checkpoint has been written yet, the run starts
    /// again from its beginning, so that its pretrained weights must still be the same. Warnings are added to
    /// `warnings`.
    pub(super) fn trainer(
        &self,
        recipe: &Recipe,
        data: &Dataset,
        device: Device,
        warnings: &mut Vec<String>,
    ) -> Result<Trainer> {
        if [RunFolder::LAST, RunFolder::PREVIOUS].iter().any(|file| self.path.join(file).exists()) {
            warnings.extend(self.changed_weights());
            let trainer = Trainer::before_restore(recipe, data, device)?;
            self.check_teacher(&trainer)?;
            return Ok(trainer);
        }
        // The cache may have moved since; the file is where it was.
        let pretrained = self.recorded_file().or_else(|| recipe.pretrained.clone());
        let mut trainer = Trainer::new(&Recipe { pretrained, ..recipe.clone() }, data, device)?;
        trainer.recipe = recipe.clone();
        self.check_teacher(&trainer)?;
        if let (Some(before), Some(now)) = (&self.environment.pretrained, &trainer.pretrained) {
            ensure!(
                before.hash == now.hash,
                "{} has changed since the run in {} began, and there is no checkpoint yet to resume from; start a new run in \
                 another folder",
                now.path,
                self.path.display()
            );
        }
        Ok(trainer)
    }

    /// Checks that the run continues with the teacher that it began with.
    fn check_teacher(&self, trainer: &Trainer) -> Result<()> {
        let (Some(before), Some(now)) = (&self.environment.teacher, trainer.teacher_file()) else { return Ok(()) };
        ensure!(
            before.hash == now.hash,
            "the teacher {} has changed since the run in {} began; start a new run in another folder",
            now.path,
            self.path.display()
        );
        Ok(())
    }

    /// A warning where the file of the pretrained weights has changed. A missing file is fine: it is not needed any more.
    fn changed_weights(&self) -> Option<String> {
        let before = self.environment.pretrained.as_ref()?;
        let file = fs::read(&before.path).ok()?;
        let has_changed = pretrained::hash(&file) != before.hash;
        has_changed
            .then(|| format!("{} has changed since the run began; it continues from its own checkpoint", before.path))
    }

    /// The source of the run's data: an absolute path where there is one.
    pub fn source(&self) -> String {
        self.environment.data.place().to_owned()
    }

    /// The range of 16-bit values by which the run's images were read. Runs that did not record it used the high byte.
    pub fn range_16bit(&self) -> [u16; 2] {
        self.recipe.range_16bit.unwrap_or([0, u16::MAX])
    }

    /// Checks that `data` are the run's.
    ///
    /// # Errors
    /// The data have another fingerprint.
    pub fn check_data(&self, data: &Dataset) -> Result<()> {
        let before = &self.environment.data;
        ensure!(
            before.fingerprint == data.fingerprint,
            "{} was trained on other data: {:?} with {} training and {} validation images, fingerprint {}, where there are now \
             {} and {}, fingerprint {}; start a new run in another folder",
            self.path.display(),
            before.source,
            before.train,
            before.val,
            before.fingerprint,
            data.train.len(),
            data.val.len(),
            data.fingerprint
        );
        ensure!(
            before.sample_ids.as_ref().is_none_or(|ids| *ids == data.sample_ids()),
            "{} was trained on the same images, but files were added to {:?} or removed from it that are not in use: the random draws \
             of augmentation would be others from here on; restore those files, or start a new run in another folder",
            self.path.display(),
            before.source
        );
        Ok(())
    }
}

/// Fails where a recipe differs from that of the run in `path`.
fn refuse_differences(path: &Path, differences: &[KeyDifference]) -> Result<()> {
    if differences.is_empty() {
        return Ok(());
    }
    bail!(
        "the run in {} has another recipe (asked for here, recorded there):{}\n\
         Only epochs may grow when a run is resumed; start a new run in another folder.",
        path.display(),
        KeyDifference::lines(differences)
    );
}

/// Restores `trainer` from the last good checkpoint of `folder` and removes the records after it. Without a checkpoint the
/// run starts at its beginning. Warnings are added to `warnings`.
/// Fails if no checkpoint can be used, or the files beside it do not belong to it; nothing in the folder is changed then.
pub(super) fn restore(
    folder: &RunFolder,
    trainer: &mut Trainer,
    data: &Dataset,
    warnings: &mut Vec<String>,
) -> Result<()> {
    let Some(checkpoint) = usable_checkpoint(folder, warnings)? else {
        settle_predictions(folder, false)?;
        folder.keep_epochs_through(0)?;
        return Ok(());
    };
    let epochs = checkpoint.state.position.epochs;
    check_belongs(&checkpoint, folder, trainer, data)?;
    let records = folder.epochs()?.records;
    let numbers: Vec<u32> = records.iter().map(|record| record.epoch).take_while(|&epoch| epoch <= epochs).collect();
    ensure!(
        numbers == (1..=epochs).collect::<Vec<_>>(),
        "{} does not hold every epoch from 1 to {epochs}, after which the checkpoint was taken, and the missing ones cannot be \
         computed again; start a new run in another folder",
        folder.file(RunFolder::EPOCHS).display()
    );
    let best = best_epoch(&records[..numbers.len()]).map(|record| record.epoch);
    repair_best(folder, best, epochs, warnings)?;
    checkpoint.restore(trainer)?;
    // A record is written before the outputs of its epoch.
    settle_predictions(folder, records.len() == numbers.len())?;
    folder.keep_epochs_through(epochs)?;
    Ok(())
}

/// Puts the outputs whose epoch had no checkpoint when they were written in the place of those before if there is one now, which
/// `has_checkpoint` says. Removes them otherwise.
fn settle_predictions(folder: &RunFolder, has_checkpoint: bool) -> Result<()> {
    let next = folder.file(RunFolder::NEXT_PREDICTIONS);
    if !next.exists() {
        return Ok(());
    }
    if has_checkpoint {
        return durable::rename(&next, &folder.file(RunFolder::PREDICTIONS));
    }
    fs::remove_file(&next).with_context(|| format!("cannot delete {}", next.display()))
}

/// The last checkpoint, or the one before where the last is damaged; None where there is none.
fn usable_checkpoint(folder: &RunFolder, warnings: &mut Vec<String>) -> Result<Option<Checkpoint>> {
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
    warnings.push(format!("{damage:#}; resuming from {}", previous.display()));
    if last.exists() {
        // The next checkpoint renames the last one to the previous one: a damaged one must not replace the good one.
        let aside = folder.file("last.damaged.safetensors");
        fs::rename(&last, &aside).with_context(|| format!("{} cannot be set aside", last.display()))?;
    }
    Ok(Some(checkpoint))
}

/// Checks that `checkpoint` belongs to the data and the recipe of `trainer`.
fn check_belongs(checkpoint: &Checkpoint, folder: &RunFolder, trainer: &Trainer, data: &Dataset) -> Result<()> {
    let place = folder.path().display();
    ensure!(
        checkpoint.data_fingerprint == data.fingerprint,
        "the checkpoint in {place} belongs to other data (fingerprint {}, now {}); start a new run in another folder",
        checkpoint.data_fingerprint,
        data.fingerprint
    );
    ensure!(
        checkpoint.state.position.epochs <= trainer.recipe.epochs,
        "the checkpoint in {place} was taken after epoch {}, beyond the {} epochs of the run's recipe",
        checkpoint.state.position.epochs,
        trainer.recipe.epochs
    );
    let mut expected = checkpoint.recipe.clone();
    if expected.epochs < trainer.recipe.epochs {
        expected.extend(trainer.recipe.epochs)?;
    }
    refuse_differences(folder.path(), &without_last_length(trainer.recipe.diff(&expected), &expected))
}

/// The differences from `expected` but that in the length of its last phase, which two extensions may round differently from one.
fn without_last_length(mut differences: Vec<KeyDifference>, expected: &Recipe) -> Vec<KeyDifference> {
    let last_length = format!("schedule[{}].epochs", expected.schedule.len().saturating_sub(1));
    differences.retain(|difference| difference.key != last_length);
    differences
}

/// Checks that `best.safetensors` holds the state after epoch `best`, or after a later one that the run is about to
/// repeat because the last checkpoint was damaged. Otherwise a copy of another checkpoint with that state replaces it: silently where the
/// run was killed before it could copy its last one, with a warning where the file is damaged.
fn repair_best(folder: &RunFolder, best: Option<u32>, epochs: u32, warnings: &mut Vec<String>) -> Result<()> {
    let Some(best) = best else { return Ok(()) };
    let path = folder.file(RunFolder::BEST);
    let (damage, is_intact) = match Checkpoint::load(&path).map(|checkpoint| checkpoint.state.position.epochs) {
        Ok(epoch) if epoch == best || epoch > epochs => return Ok(()),
        Ok(epoch) => (anyhow!("it holds the state after epoch {epoch}, not {best}"), true),
        Err(damage) => (damage, !path.exists()),
    };
    let wanted = Position { epochs: best, ..Position::default() };
    for name in [RunFolder::LAST, RunFolder::PREVIOUS] {
        let other = folder.file(name);
        if Checkpoint::load(&other).is_ok_and(|checkpoint| checkpoint.state.position == wanted) {
            let was_killed_before_copy = is_intact && name == RunFolder::LAST;
            if !was_killed_before_copy {
                warnings.push(format!("{} cannot be used ({damage:#}); it is copied from {name}", path.display()));
            }
            return durable::write(&path, &fs::read(&other)?);
        }
    }
    bail!(
        "{} cannot be used ({damage:#}), and no other checkpoint holds the best epoch, {best}; start a new run in another \
         folder",
        path.display()
    );
}
