//! Writes the run folder during training, in an order that leaves it resumable after a crash at any moment.

use anyhow::{Context, Result};

use super::{Checkpoint, EvalSets, Trainer, tta};
use crate::{
    data::Dataset,
    durable::{self, Archive},
    run::{Done, EpochRecord, Outputs, Predictions, RunCost, RunFolder, best_epoch},
};

/// Writes what a run produces into its folder.
///
/// The checkpoint decides which epochs there are. Of what belongs to an epoch, the record and the outputs are written before it, and are
/// dropped when the run resumes from the checkpoint before; the best state is a copy of it that is made after it, and is made then
/// where it is missing. No file of an epoch is replaced that a resumed run, whose epoch may end with other bits, still needs.
pub struct Checkpointer<'a> {
    folder: &'a RunFolder,
    data: &'a Dataset,
    best: Option<Best>,
    /// Losses on val after each epoch so far, \[e, n\]; None where the first epochs of a resumed run did not record them.
    val_losses: Option<Vec<f32>>,
}

/// The outputs of the best epoch so far.
struct Best {
    val_loss: f64,
    val: Outputs,
    probe: Outputs,
}

impl<'a> Checkpointer<'a> {
    /// A checkpointer for a run whose epochs so far are in `folder`: none, or those before a resume.
    ///
    /// # Errors
    /// A file of the folder is damaged.
    pub fn new(folder: &'a RunFolder, data: &'a Dataset) -> Result<Self> {
        let records = folder.epochs()?.records;
        let Some(best) = best_epoch(&records) else {
            return Ok(Self { folder, data, best: None, val_losses: Some(Vec::new()) });
        };
        let Predictions { best_val: val, best_probe: probe, mut val_losses, .. } = folder
            .predictions()
            .context("the outputs of the best epoch are lost; start a new run in another folder")?;
        // The predictions are those of a later epoch where the last checkpoint was damaged.
        let measured = records.len() * val.labels.len();
        val_losses.truncate(measured);
        Ok(Self {
            folder,
            data,
            best: Some(Best { val_loss: best.val_loss, val, probe }),
            val_losses: (val_losses.len() == measured).then_some(val_losses),
        })
    }

    /// Writes an epoch: its record, its outputs with the `losses` on val, and the training state after it.
    ///
    /// # Errors
    /// A file cannot be written. The checkpoint before is intact then.
    pub fn write_epoch(
        &mut self,
        trainer: &Trainer,
        record: &EpochRecord,
        probe: Outputs,
        val: Outputs,
        losses: &[f32],
    ) -> Result<()> {
        self.folder.append_epoch(record)?;
        let state = Checkpoint::of(trainer, &self.data.fingerprint)?.to_archive().to_bytes()?;
        // A comparison with NaN is false, so that a loss of NaN is never the best.
        let is_best = self.best.as_ref().is_none_or(|best| record.val_loss < best.val_loss);
        if is_best {
            self.best = Some(Best { val_loss: record.val_loss, val: val.clone(), probe: probe.clone() });
        }
        let best = self.best.as_ref().context("there is a best epoch from the first one on")?;
        if let Some(before) = &mut self.val_losses {
            before.extend(losses);
        }
        let predictions = Predictions {
            classes: self.data.classes.len(),
            last_val: val,
            last_probe: probe,
            best_val: best.val.clone(),
            best_probe: best.probe.clone(),
            val_losses: self.val_losses.clone().unwrap_or_default(),
        };
        let next = self.folder.file(RunFolder::NEXT_PREDICTIONS);
        predictions.save(&next)?;
        self.write_state(&state)?;
        if is_best {
            durable::write(&self.folder.file(RunFolder::BEST), &state)?;
        }
        durable::rename(&next, &self.folder.file(RunFolder::PREDICTIONS))
    }

    /// Writes the state between two updates of an epoch.
    ///
    /// # Errors
    /// The checkpoint cannot be written. The one before is intact then.
    pub fn write_paused(&mut self, trainer: &Trainer) -> Result<()> {
        self.write_state(&Checkpoint::of(trainer, &self.data.fingerprint)?.to_archive().to_bytes()?)
    }

    fn write_state(&self, state: &[u8]) -> Result<()> {
        durable::rotate(&self.folder.file(RunFolder::LAST), &self.folder.file(RunFolder::PREVIOUS), state)
    }
}

/// Ends the finished run in `folder`, whose environment was written: the best weights alone as `model.safetensors`, then
/// `done.json`. `macs` are the multiply-adds of one image.
/// Fails if a file cannot be read or written, or if val cannot be measured again for `tta`.
pub(super) fn finish(
    folder: &RunFolder,
    data: &Dataset,
    sets: &EvalSets,
    trainer: &Trainer,
    macs: u64,
) -> Result<Done> {
    let predictions = folder.predictions()?;
    let best = Checkpoint::load(&folder.file(RunFolder::BEST))?;
    let metadata = best.description(&folder.environment()?.data, &predictions.best_val)?.metadata();
    Archive { metadata, arrays: best.network()? }.save(&folder.file(RunFolder::MODEL))?;

    let records = folder.epochs()?.records;
    let seconds = records.iter().map(|record| record.seconds).sum();
    let mut done = Done::conclude(
        &records,
        &predictions.last_val,
        data.classes.len(),
        &sets.leaks,
        sets.near_leaks.as_deref(),
        &sets.in_first_half,
        RunCost { parameters: trainer.model.parameters.count(), macs: Some(macs), seconds },
    )?;
    done.early_stopped = trainer.position.epochs < trainer.recipe.epochs;
    done.tta = tta::measure(trainer, data, sets)?;
    folder.write_done(&done)?;
    Ok(done)
}
