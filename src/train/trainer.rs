//! The full state of a training run, and one pass over the training images.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail};
use tch::{Device, Kind, Tensor};

use super::{
    Failure,
    loss::cross_entropy,
    optim::{Optimizer, clip_to_norm},
};
use crate::{
    augment::Normalize,
    data::Dataset,
    model::{Architecture, Mode, ResNet},
    random::{Purpose, Stream},
    recipe::{Recipe, schedule},
    run::Observer,
    torch,
};

/// Updates between two looks at whether the loss is still finite. Each look waits for the device.
const UPDATES_BETWEEN_LOOKS: u64 = 50;

/// Where a run stands.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Position {
    /// Epochs finished, with their evaluation.
    pub epochs: u32,
    /// Updates made in the epoch after those.
    pub updates: u64,
    /// Sum of the batch losses of those updates' batches.
    pub loss_sum: f64,
}

/// What [`Trainer::finish_epoch`] did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trained {
    /// Mean of the epoch's batch losses, those before a resume included \[nats\].
    pub batch_loss: f64,
    /// Images trained on in this call.
    pub images: usize,
}

/// Everything that a run carries from one step to the next. Draws carry nothing: they are functions of the position.
#[derive(Debug)]
pub struct Trainer {
    /// The numbers that determine the run.
    pub recipe: Recipe,
    /// The network.
    pub model: ResNet,
    /// Its optimiser.
    pub optimizer: Optimizer,
    /// Where the run stands.
    pub position: Position,
    /// Bytes to network input.
    pub normalize: Normalize,
}

impl Trainer {
    /// A run at its beginning.
    pub fn new(recipe: &Recipe, data: &Dataset, device: Device) -> Result<Self> {
        let architecture = Architecture::new(recipe, data.channels, data.classes.len())?;
        let model = torch::catch(|| Ok(ResNet::new(&architecture, recipe.seed, device)))?;
        Ok(Self {
            optimizer: Optimizer::new(recipe, &model.parameters),
            model,
            recipe: recipe.clone(),
            position: Position::default(),
            normalize: Normalize::new(&data.mean, &data.std, device),
        })
    }

    /// Batches in an epoch over `images` training images; an incomplete last batch is dropped.
    pub fn batches_per_epoch(&self, images: usize) -> u64 {
        images as u64 / u64::from(self.recipe.batch_size)
    }

    /// Updates in an epoch; where accumulation does not divide the batches, the last update has fewer.
    pub fn updates_per_epoch(&self, images: usize) -> u64 {
        self.batches_per_epoch(images).div_ceil(u64::from(self.recipe.grad_accum_steps))
    }

    /// Learning rate of update `update`, counted from 0 over the whole run.
    pub fn rate(&self, update: u64, images: usize) -> f64 {
        schedule::rate(&self.recipe, update, self.updates_per_epoch(images))
    }

    /// Trains from the current position to the end of its epoch, or returns None when `stop` was raised first; the
    /// position then says where.
    pub fn finish_epoch(
        &mut self,
        data: &Dataset,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<Option<Trained>> {
        let device = self.model.parameters.device();
        let images = data.train.len();
        let (batches, updates) = (self.batches_per_epoch(images), self.updates_per_epoch(images));
        let accumulate = u64::from(self.recipe.grad_accum_steps);
        let order = self.order(images);
        let trained_images = order.len();
        let mut source = data.train.batches(order, self.recipe.batch_size as usize, device);
        let mut loss_sum = Tensor::from(self.position.loss_sum).to_device(device);

        while self.position.updates < updates {
            if stop.load(Ordering::Relaxed) {
                self.position.loss_sum = self.read_loss(&loss_sum, images)?;
                return Ok(None);
            }
            let group = accumulate.min(batches - self.position.updates * accumulate);
            let mut gradients = Vec::new();
            for _ in 0..group {
                let batch = source.next().context("the loader ended before its epoch")??;
                let logits = self.model.forward(&self.normalize.forward(&batch.images), Mode::Train);
                let loss = cross_entropy(&logits, &batch.labels);
                let _ = loss_sum.g_add_(&loss.detach().to_kind(Kind::Double));
                add_gradients(&mut gradients, &(loss / group as f64), &self.model);
            }
            if let Some(limit) = self.recipe.clip_grad {
                clip_to_norm(&mut gradients, limit);
            }
            self.optimizer.step(&gradients, self.rate(self.optimizer.updates, images));
            self.position.updates += 1;

            let looks = self.position.updates.is_multiple_of(UPDATES_BETWEEN_LOOKS);
            let batch_loss = if looks {
                let batches_done = (self.position.updates * accumulate).min(batches);
                Some(self.read_loss(&loss_sum, images)? / batches_done as f64)
            } else {
                None
            };
            observer.step(self.position.updates, batch_loss);
        }
        let batch_loss = self.read_loss(&loss_sum, images)? / batches as f64;
        Ok(Some(Trained { batch_loss, images: trained_images }))
    }

    /// Positions in train that the epoch under way has still to see, in its order.
    fn order(&self, images: usize) -> Vec<u32> {
        let mut order: Vec<u32> = (0..images as u32).collect();
        Stream::new(self.recipe.seed, Purpose::Order, self.position.epochs + 1, 0).shuffle(&mut order);
        let batch_size = self.recipe.batch_size as usize;
        order.truncate(self.batches_per_epoch(images) as usize * batch_size);
        order.drain(..self.position.updates as usize * self.recipe.grad_accum_steps as usize * batch_size);
        order
    }

    /// The sum on the host, or a failure when training has left the finite numbers.
    fn read_loss(&self, loss_sum: &Tensor, images: usize) -> Result<f64> {
        let sum = loss_sum.double_value(&[]);
        if !sum.is_finite() {
            let Position { epochs, updates, .. } = self.position;
            bail!(Failure(format!(
                "the loss is no finite number any more: epoch {}, in the {UPDATES_BETWEEN_LOOKS} updates up to update \
                 {updates}, learning rate {}; a smaller --lr, --warmup-epochs or --clip-grad usually helps",
                epochs + 1,
                self.rate(self.optimizer.updates.saturating_sub(1), images)
            )));
        }
        Ok(sum)
    }
}

/// Adds the gradients of `loss` to those of the batches before it.
fn add_gradients(gradients: &mut Vec<Tensor>, loss: &Tensor, model: &ResNet) {
    let trained: Vec<&Tensor> = model.parameters.trained().map(|parameter| &parameter.tensor).collect();
    let fresh = Tensor::run_backward(&[loss], &trained, false, false);
    if gradients.is_empty() {
        *gradients = fresh;
    } else {
        for (sum, one) in gradients.iter_mut().zip(fresh) {
            let _ = sum.g_add_(&one);
        }
    }
}
