//! The loop.

use std::{sync::atomic::AtomicBool, time::Instant};

use anyhow::{Result, bail};

use super::{Failure, Keeper, Pass, Position, Sides, Trainer, rewind::fault_of_evaluation};
use crate::{
    data::Dataset,
    run::{EpochRecord, EpochTraining, Observer},
    torch,
};

/// How a run came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All epochs of the recipe are done, or val loss has not fallen for as long as its `early_stop` allows.
    Finished,
    /// Stopped on request between two updates; the keeper, if any, holds what is needed to go on from there.
    Stopped,
}

/// Trains from where `trainer` stands to the last epoch of its recipe, and after each epoch measures probe and val by
/// the same [`evaluate`](super::evaluate()). What `observer` hears of an epoch, `keeper` has kept before.
///
/// # Errors
/// A loss that is not a finite number, an exception of libtorch (memory above all), an image that cannot be read any
/// more, or a keeper that cannot write. Nothing of the unfinished epoch is kept then, except where a training image
/// cannot be read: all updates before it are.
pub fn fit(
    trainer: &mut Trainer,
    data: &Dataset,
    sides: &Sides,
    mut keeper: Option<&mut Keeper>,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<Outcome> {
    while !trainer.is_done() {
        let epoch = trainer.position.epochs + 1;
        let (begun, images) = (Instant::now(), trainer.images_left(data.train.len()));
        observer.epoch_begin(epoch, trainer.updates_per_epoch(data.train.len()));
        let pause_every = keeper.as_ref().and_then(|keeper| keeper.every);
        let batch_loss = loop {
            let pass = torch::catch(|| trainer.train_epoch(data, observer, stop, pause_every))?;
            if let Pass::Finished { batch_loss } = pass {
                break batch_loss;
            }
            if let Some(keeper) = &mut keeper {
                keeper.keep_paused(trainer)?;
            }
            if let Pass::OutOfImages(error) = pass {
                let update = trainer.position.updates + 1;
                return Err(error.context(format!("training ended before update {update} of epoch {epoch}")));
            }
            if let Pass::Stopped = pass {
                return Ok(Outcome::Stopped);
            }
        };
        let train_seconds = begun.elapsed().as_secs_f64();
        let probe = trainer.evaluate(trainer.network(), &data.train, &sides.probe)?;
        let val = trainer.evaluate(trainer.network(), &data.val, &sides.val)?;
        let raw_val_loss = match trainer.averaged() {
            None => None,
            Some(_) => Some(trainer.evaluate(&trainer.model, &data.val, &sides.val)?.measured().mean_loss()),
        };
        let training = EpochTraining {
            epoch,
            lr: trainer.rate(trainer.optimizer.updates - 1, data.train.len()),
            batch_loss,
            raw_val_loss,
            steps: trainer.optimizer.updates,
            seconds: begun.elapsed().as_secs_f64(),
            train_images_per_s: images as f64 / train_seconds,
        };
        let record =
            EpochRecord::new(&training, &probe.measured(), &val.measured(), &sides.leaks, &sides.in_first_half);
        if !(record.probe_loss.is_finite() && record.val_loss.is_finite()) {
            let mut told = String::new();
            for (split, positions) in [(&data.train, &sides.probe), (&data.val, &sides.val)] {
                if let Some(fault) = torch::catch(|| fault_of_evaluation(trainer, split, positions))? {
                    told = format!(": {fault}");
                    break;
                }
            }
            bail!(Failure(format!(
                "after epoch {epoch}, with learning rate {}, the network gives no finite loss, so nothing of this epoch is \
                 kept; a smaller --lr, --warmup-epochs or --clip-grad usually helps{told}",
                training.lr
            )));
        }
        if let Some(ranks) = &trainer.ranks {
            ranks.check_same(trainer)?;
        }
        trainer.patience.see(record.val_loss);
        trainer.position = Position { epochs: epoch, ..Position::default() };
        if let Some(keeper) = &mut keeper {
            keeper.keep_epoch(trainer, &record, probe, val)?;
        }
        observer.epoch_end(&record)?;
    }
    Ok(Outcome::Finished)
}
