//! The loop over the epochs.

use std::{sync::atomic::AtomicBool, time::Instant};

use anyhow::{Result, bail};

use super::{Checkpointer, EpochOutcome, EvalSets, Failure, Position, Trainer, nonfinite::non_finite_evaluation};
use crate::{
    data::Dataset,
    run::{EpochRecord, EpochTraining, Observer},
    torch,
};

/// How [`fit`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FitOutcome {
    /// All epochs of the recipe are done, or val loss has not fallen for as long as its `early_stop` allows.
    Finished,
    /// Stopped on request between two updates. A checkpointer, if there is one, has written a checkpoint from which the
    /// run can be resumed.
    Stopped,
}

/// Trains from the current position of `trainer` to the last epoch of its recipe, and after each epoch measures probe and
/// val by the same [`evaluate`](super::evaluate()). `checkpointer` writes an epoch before `observer` is notified of it, and the state after
/// every `pause_every` updates of an epoch. All ranks pause together, whichever of them writes.
///
/// # Errors
/// A loss that is not finite, an exception of libtorch (out of memory above all), an image that cannot be read any more,
/// or a file that cannot be written. Nothing of the unfinished epoch is written then, except where a training image
/// cannot be read: a checkpoint then holds all updates before it.
pub fn fit(
    trainer: &mut Trainer,
    data: &Dataset,
    sets: &EvalSets,
    mut checkpointer: Option<&mut Checkpointer>,
    pause_every: Option<u64>,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<FitOutcome> {
    while !trainer.is_done() {
        let epoch = trainer.position.epochs + 1;
        // The clock of an interrupted epoch continues where its checkpoint was written.
        let seconds_before = trainer.seconds_in_epoch;
        let begin = Instant::now();
        let images = trainer.images_left(data.train.len());
        observer.epoch_begin(epoch, trainer.updates_per_epoch(data.train.len()));
        let Some(batch_loss) = train_epoch(trainer, data, checkpointer.as_deref_mut(), pause_every, observer, stop)?
        else {
            return Ok(FitOutcome::Stopped);
        };
        let train_seconds = begin.elapsed().as_secs_f64();
        let probe = trainer.evaluate(trainer.network(), &data.train, &sets.probe)?;
        let val = trainer.evaluate(trainer.network(), &data.val, &sets.val)?;
        let raw_val_loss = match trainer.averaged() {
            None => None,
            Some(_) => Some(trainer.evaluate(&trainer.model, &data.val, &sets.val)?.measured().mean_loss()),
        };
        let training = EpochTraining {
            epoch,
            lr: trainer.rate(trainer.optimizer.updates - 1, data.train.len()),
            batch_loss,
            raw_val_loss,
            steps: trainer.optimizer.updates,
            seconds: seconds_before + begin.elapsed().as_secs_f64(),
            train_images_per_s: images as f64 / train_seconds,
        };
        let (on_probe, on_val) = sets.measured(&probe, &val);
        let near_leaks = sets.near_leaks.as_deref();
        let record = EpochRecord::new(&training, &on_probe, &on_val, &sets.leaks, near_leaks, &sets.in_first_half);
        check_finite(trainer, data, sets, &record)?;
        trainer.ranks.check_same(|| trainer.hash())?;
        trainer.early_stopping.update(record.val_loss);
        trainer.position = Position { epochs: epoch, ..Position::default() };
        trainer.seconds_in_epoch = 0.0;
        if let Some(checkpointer) = &mut checkpointer {
            checkpointer.write_epoch(trainer, &record, probe, val, &on_val.losses)?;
        }
        observer.epoch_end(&record)?;
    }
    Ok(FitOutcome::Finished)
}

/// Trains to the end of the current epoch, and writes the checkpoints inside it. Returns the mean of the epoch's batch
/// losses, or None where the run was stopped.
fn train_epoch(
    trainer: &mut Trainer,
    data: &Dataset,
    mut checkpointer: Option<&mut Checkpointer>,
    pause_every: Option<u64>,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<Option<f64>> {
    let seconds_before = trainer.seconds_in_epoch;
    let begin = Instant::now();
    loop {
        let outcome = torch::catch(|| trainer.train_epoch(data, observer, stop, pause_every))?;
        if let EpochOutcome::Finished { batch_loss } = outcome {
            return Ok(Some(batch_loss));
        }
        trainer.seconds_in_epoch = seconds_before + begin.elapsed().as_secs_f64();
        if let Some(checkpointer) = &mut checkpointer {
            checkpointer.write_paused(trainer)?;
        }
        match outcome {
            EpochOutcome::Stopped => return Ok(None),
            EpochOutcome::OutOfImages(error) => {
                let Position { epochs, updates, .. } = trainer.position;
                let place = format!("update {} of epoch {}", updates + 1, epochs + 1);
                return Err(error.context(format!("training ended before {place}")));
            }
            EpochOutcome::Finished { .. } | EpochOutcome::Paused => {}
        }
    }
}

/// Checks that the losses of an epoch are finite.
/// The error names the first layer and the images concerned.
fn check_finite(trainer: &Trainer, data: &Dataset, sets: &EvalSets, record: &EpochRecord) -> Result<()> {
    if record.probe_loss.is_finite() && record.val_loss.is_finite() {
        return Ok(());
    }
    let mut what = String::new();
    for (split, positions) in [(&data.train, &sets.probe), (&data.val, &sets.val)] {
        if let Some(found) = torch::catch(|| non_finite_evaluation(trainer, split, positions))? {
            what = format!(": {found}");
            break;
        }
    }
    bail!(Failure(format!(
        "after epoch {}, with learning rate {}, the loss of the evaluation is not finite, and nothing of this epoch is \
         kept; a smaller lr, warmup_epochs or clip_grad usually helps{what}",
        record.epoch, record.lr
    )))
}
