//! One pass over the training images.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail};
use tch::Tensor;

use super::{
    Failure, Position, Trainer,
    nonfinite::{Snapshot, UPDATES_BETWEEN_CHECKS},
    swa,
};
use crate::{
    data::Dataset,
    run::Observer,
    torch::{self, observe::ProfilerPhase},
};

/// How far [`Trainer::train_epoch`] came.
#[derive(Debug)]
pub enum EpochOutcome {
    /// The epoch's last update is done.
    Finished {
        /// Mean of the epoch's batch losses, those before a resume included \[nats\].
        batch_loss: f64,
    },
    /// Training paused between two updates, as requested; the trainer's position says where.
    Paused,
    /// Training paused because images of the next update cannot be read. All updates before it are complete.
    OutOfImages(anyhow::Error),
    /// Training stopped between two updates because `stop` was set on this rank or another.
    Stopped,
}

impl Trainer {
    /// Trains from the current position to the end of the epoch. It ends earlier where `stop` is set, at the next multiple
    /// of `pause_every` updates, and before images that cannot be read. Another call then continues with the same bits as
    /// without the interruption.
    ///
    /// # Errors
    /// A loss or a weight that is not finite, or an exception of libtorch.
    pub fn train_epoch(
        &mut self,
        data: &Dataset,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
        pause_every: Option<u64>,
    ) -> Result<EpochOutcome> {
        let images = data.train.len();
        let batches = self.batches_per_epoch(images);
        let updates = self.updates_per_epoch(images);
        let mut remaining = self.epoch_batches(data)?;
        let mut loss_sum = Tensor::from(self.position.loss_sum).to_device(self.device());

        let begin = self.position.updates;
        let mut snapshot = Snapshot::new(self)?;
        while self.position.updates < updates {
            let done = self.position.updates;
            let pause = pause_every.is_some_and(|every| done > begin && done.is_multiple_of(every));
            // Ranks meet once before each update to exchange `stop`, so the one that pauses exchanges it when it continues.
            if pause || self.ranks.any(stop.load(Ordering::Relaxed))? {
                self.position.loss_sum = self.read_loss(&loss_sum, &snapshot, data)?;
                return Ok(if pause { EpochOutcome::Paused } else { EpochOutcome::Stopped });
            }
            let taken = {
                let _phase = ProfilerPhase::new(c"batch");
                remaining.take(self.recipe.grad_accum_steps)
            };
            let update = match taken {
                Ok(update) => update,
                Err(error) => {
                    self.position.loss_sum = self.read_loss(&loss_sum, &snapshot, data)?;
                    return Ok(EpochOutcome::OutOfImages(error));
                }
            };
            self.update(update, self.rate(self.optimizer.updates, images), &mut loss_sum)?;
            if let Some(average) = &mut self.average {
                let _phase = ProfilerPhase::new(c"average");
                average.after_update(&self.model);
            }

            let mut batch_loss = None;
            if self.position.updates.is_multiple_of(UPDATES_BETWEEN_CHECKS) {
                let _phase = ProfilerPhase::new(c"finiteness");
                let sum = self.read_loss(&loss_sum, &snapshot, data)?;
                snapshot.renew(self)?;
                batch_loss = Some(sum / (batches - remaining.left()) as f64);
            }
            observer.step(self.position.updates, batch_loss);
        }
        let batch_loss = self.read_loss(&loss_sum, &snapshot, data)? / batches as f64;
        self.optimizer.end_epoch();
        self.average_epoch(data)?;
        Ok(EpochOutcome::Finished { batch_loss })
    }

    /// Adds the epoch's weights to an average over epochs, if the recipe has one.
    fn average_epoch(&mut self, data: &Dataset) -> Result<()> {
        let epoch = self.position.epochs + 1;
        let Some(average) = &mut self.average else { return Ok(()) };
        let needs_statistics = average.after_epoch(&self.model, epoch);
        if !needs_statistics {
            return Ok(());
        }
        let network = &self.average.as_ref().context("the average was just used")?.network;
        swa::estimate_on_epoch(network, &self.recipe, data, &self.examples, epoch)?;
        // Every rank has estimated the same statistics, but on different processors they may differ in the last bits.
        self.ranks.broadcast(network.running_statistics().map(|parameter| &parameter.tensor))
    }

    /// The sum of the losses on the host, which costs one read. Where the loss or a weight is not finite, an error that
    /// names the first non-finite value since `snapshot`.
    fn read_loss(&mut self, loss_sum: &Tensor, snapshot: &Snapshot, data: &Dataset) -> Result<f64> {
        let sum = torch::read_number(&(loss_sum + self.model.parameters.times_zero()))?;
        if sum.is_finite() {
            return Ok(sum);
        }
        let Position { epochs, updates, .. } = self.position;
        let rate = self.rate(self.optimizer.updates.saturating_sub(1), data.train.len());
        let what = match snapshot.first_non_finite(self, data)? {
            Some(found) => found,
            None => format!("epoch {}, update {updates}, learning rate {rate}", epochs + 1),
        };
        bail!(Failure(format!(
            "the loss or a weight is no longer finite; a smaller lr, warmup_epochs or clip_grad usually helps: {what}"
        )))
    }
}
