//! The full state of a training run, and one pass over the training images.

use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
};

use anyhow::{Context, Result, bail};
use tch::{Device, Kind, Tensor};

use super::{
    Average, Failure, LossScale, Patience, Ranks, class_weights,
    epoch_batches::{EpochBatches, Rows},
    examples::{Example, Examples, TrainBatch, draw},
    loss::cross_entropy,
    optim::{Optimizer, clip_to_norm},
    order::{order, repeats},
    rewind::Look,
    sharpness, swa,
};
use crate::{
    augment::Normalize,
    data::Dataset,
    model::{
        Architecture, DropoutDraws, Mode, ResNet,
        pretrained::{self, Images, Loaded},
    },
    random::{Purpose, Stream},
    recipe::{AmpDtype, ClassWeights, Recipe, schedule},
    run::{Observer, PretrainedFile},
    torch::{self, Autocast, lists, observe::Phase},
};

/// Updates between two looks at whether the loss is still finite. Each look waits for the device.
pub(super) const UPDATES_BETWEEN_LOOKS: u64 = 50;

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

/// How far [`Trainer::train_epoch`] came.
#[derive(Debug)]
pub enum Pass {
    /// The epoch's last update is done.
    Finished {
        /// Mean of the epoch's batch losses, those before a resume included \[nats\].
        batch_loss: f64,
    },
    /// It paused between two updates, as asked for; the position says where.
    Paused,
    /// So it did, since images of the next update cannot be read: all that came before is whole.
    OutOfImages(anyhow::Error),
    /// It stopped between two updates, since `stop` was raised, on whichever rank.
    Stopped,
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
    /// The averaged weights, where the recipe asks for them.
    pub average: Option<Average>,
    /// How long val loss has not fallen.
    pub patience: Patience,
    /// Where the run stands.
    pub position: Position,
    /// Bytes to network input, where images are measured.
    pub normalize: Normalize,
    /// The file that the weights came from, where a recipe's `pretrained` was read.
    pub pretrained: Option<PretrainedFile>,
    /// The scale of the loss, where gradients are in float16.
    pub loss_scale: Option<LossScale>,
    /// What the network sees of the training images.
    examples: Examples,
    /// `[classes]`, where classes are weighed in the objective.
    class_weights: Option<Tensor>,
    /// The processes that this one trains with, if any.
    pub(super) ranks: Option<Ranks>,
}

impl Trainer {
    /// A run at its beginning, from the recipe's pretrained weights if it names any.
    ///
    /// # Errors
    /// The pretrained weights cannot be read or do not fit; libtorch has no memory for the network.
    pub fn new(recipe: &Recipe, data: &Dataset, device: Device) -> Result<Self> {
        let mut trainer = Self::before_restore(recipe, data, device)?;
        if let Some(path) = &recipe.pretrained {
            let images = Images { classes: &data.classes, mean: &data.mean, std: &data.std };
            let Loaded { hash, notes } = torch::catch(|| pretrained::load(&trainer.model, path.as_ref(), &images))?;
            trainer.pretrained = Some(PretrainedFile { path: path.clone(), hash, notes });
            if let Some(average) = &trainer.average {
                average.start_from(&trainer.model);
            }
        }
        Ok(trainer)
    }

    /// A run whose state a checkpoint will replace: its pretrained weights, if any, are not read.
    ///
    /// # Errors
    /// libtorch has no memory for the network.
    pub fn before_restore(recipe: &Recipe, data: &Dataset, device: Device) -> Result<Self> {
        let architecture = Architecture::new(recipe, data.channels, data.classes.len())?;
        torch::catch(|| {
            let model = ResNet::new(&architecture, recipe.seed, device);
            let weights = (recipe.class_weights == ClassWeights::Balanced).then(|| {
                let counts = data.train.class_counts(data.classes.len());
                Tensor::from_slice(&class_weights::balanced(&counts)).to_device(device)
            });
            let normalize = Normalize::new(&data.mean, &data.std, device);
            Ok(Self {
                examples: Examples::new(recipe, data, &normalize),
                optimizer: Optimizer::new(recipe, &model.parameters),
                average: Average::new(recipe, &architecture, device),
                model,
                patience: Patience::default(),
                recipe: recipe.clone(),
                position: Position::default(),
                normalize,
                pretrained: None,
                loss_scale: (recipe.amp && recipe.amp_dtype == AmpDtype::Float16).then(|| LossScale::new(device)),
                class_weights: weights,
                ranks: None,
            })
        })
    }

    /// The model: the averaged weights where there are any, the trained ones otherwise. Every figure is its own.
    pub fn network(&self) -> &ResNet {
        self.averaged().unwrap_or(&self.model)
    }

    /// The network of averaged weights, where there are any.
    pub fn averaged(&self) -> Option<&ResNet> {
        self.average.as_ref().and_then(Average::active)
    }

    /// Whether the run is at its end: all epochs done, or no patience left.
    pub fn is_done(&self) -> bool {
        self.position.epochs >= self.recipe.epochs || self.patience.is_over(self.recipe.early_stop)
    }

    /// Batches in an epoch over `images` training images; an incomplete last batch is dropped.
    pub fn batches_per_epoch(&self, images: usize) -> u64 {
        images as u64 / u64::from(self.recipe.batch_size)
    }

    /// Updates in an epoch; where accumulation does not divide the batches, the last update has fewer.
    pub fn updates_per_epoch(&self, images: usize) -> u64 {
        self.batches_per_epoch(images).div_ceil(u64::from(self.recipe.grad_accum_steps))
    }

    /// Images that the rest of the epoch under way trains on, of `images` training images.
    pub fn images_left(&self, images: usize) -> u64 {
        let seen = self.position.updates * u64::from(self.recipe.grad_accum_steps);
        self.batches_per_epoch(images).saturating_sub(seen) * u64::from(self.recipe.batch_size)
    }

    /// Learning rate of update `update`, counted from 0 over the whole run.
    pub fn rate(&self, update: u64, images: usize) -> f64 {
        schedule::rate(&self.recipe, update, self.updates_per_epoch(images))
    }

    /// Trains from the current position to the end of its epoch, or until `stop` is raised, or to the next multiple of
    /// `pause_every` updates, or to images that cannot be read. Called again it goes on as if there had been no pause,
    /// to the bit.
    ///
    /// # Errors
    /// A loss or a weight that is not a finite number, or an exception of libtorch.
    pub fn train_epoch(
        &mut self,
        data: &Dataset,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
        pause_every: Option<u64>,
    ) -> Result<Pass> {
        let images = data.train.len();
        let (batches, updates) = (self.batches_per_epoch(images), self.updates_per_epoch(images));
        let mut rest = self.epoch_batches(data)?;
        let mut loss_sum = Tensor::from(self.position.loss_sum).to_device(self.model.parameters.device());

        let begin = self.position.updates;
        let mut look = Look::new(self);
        while self.position.updates < updates {
            let done = self.position.updates;
            let pause = pause_every.is_some_and(|every| done > begin && done.is_multiple_of(every));
            // Ranks meet once before each update to ask for a stop, so the one that pauses asks when it goes on.
            if pause || self.is_stopped(stop)? {
                self.position.loss_sum = self.read_loss(&loss_sum, &look, data)?;
                return Ok(if pause { Pass::Paused } else { Pass::Stopped });
            }
            let taken = {
                let _phase = Phase::new(c"batch");
                rest.take(self.recipe.grad_accum_steps)
            };
            let group = match taken {
                Ok(group) => group,
                Err(error) => {
                    self.position.loss_sum = self.read_loss(&loss_sum, &look, data)?;
                    return Ok(Pass::OutOfImages(error));
                }
            };
            self.update(group, self.rate(self.optimizer.updates, images), &mut loss_sum)?;
            if let Some(average) = &mut self.average {
                let _phase = Phase::new(c"average");
                average.after_update(&self.model);
            }

            let looks = self.position.updates.is_multiple_of(UPDATES_BETWEEN_LOOKS);
            let batch_loss = if looks {
                let _phase = Phase::new(c"finiteness");
                let sum = self.read_loss(&loss_sum, &look, data)?;
                look.renew(self);
                Some(sum / (batches - rest.left()) as f64)
            } else {
                None
            };
            observer.step(self.position.updates, batch_loss);
        }
        let batch_loss = self.read_loss(&loss_sum, &look, data)? / batches as f64;
        self.average_epoch(data)?;
        Ok(Pass::Finished { batch_loss })
    }

    /// Whether `stop` is raised; with several ranks, on any of them, so that all stop after the same update.
    fn is_stopped(&self, stop: &AtomicBool) -> Result<bool> {
        let own = stop.load(Ordering::Relaxed);
        self.ranks.as_ref().map_or(Ok(own), |ranks| ranks.any(own))
    }

    /// The batches from the current position to the end of its epoch; of each, the rows that this rank needs.
    pub(super) fn epoch_batches<'a>(&self, data: &'a Dataset) -> Result<EpochBatches<'a>> {
        let done = self.position.updates * u64::from(self.recipe.grad_accum_steps);
        let (epoch, device) = (self.position.epochs + 1, self.model.parameters.device());
        let own = self.ranks.as_ref().map(|ranks| ranks.own(self.recipe.batch_size as usize));
        let rows = own.map(|own| move |number| self.examples.rows(own.clone(), epoch, number));
        EpochBatches::new(&self.recipe, data, epoch, done, device, rows.as_ref().map(|rows| rows as Rows))
    }

    /// One update of the trained weights at learning rate `rate`, on the batches of `group`. Their losses are added
    /// to `loss_sum`, a float64 scalar on the device.
    ///
    /// # Errors
    /// With several ranks, another is dead. The state is then no longer that of a number of whole updates.
    pub(super) fn update(&mut self, group: Vec<TrainBatch>, rate: f64, loss_sum: &mut Tensor) -> Result<()> {
        let count = group.len();
        let mut gradients = Vec::new();
        let mut own_sum = self.ranks.as_ref().map(|_| loss_sum.zeros_like());
        for batch in group {
            let (example, number) = (self.example(&batch), batch.number);
            let loss = self.loss(&example, Mode::Train(self.noise(number)))?;
            let _ = own_sum.as_mut().unwrap_or(loss_sum).g_add_(&loss.detach().to_kind(Kind::Double));
            let share = loss / count as f64;
            let share = match &self.loss_scale {
                Some(scale) => scale.scale(&share),
                None => share,
            };
            add_gradients(&mut gradients, &share, &self.model);
            if self.is_sharp() {
                self.unite(&mut gradients, &mut loss_sum.zeros_like(), false)?;
                gradients = self.gradients_uphill(gradients, &example, number)?;
            }
        }
        if let Some(mut sum) = own_sum {
            self.unite(&mut gradients, &mut sum, !self.recipe.sync_bn)?;
            let _ = loss_sum.g_add_(&sum.to_kind(Kind::Double));
        }
        let _phase = Phase::new(c"optimizer");
        // Of the united gradients, so that all ranks find the same overflow.
        let found_inf = self.loss_scale.as_ref().map(|scale| scale.unscale(&mut gradients));
        if let Some(limit) = self.recipe.clip_grad {
            clip_to_norm(&mut gradients, limit);
        }
        self.optimizer.step(&gradients, rate, found_inf.as_ref());
        if let (Some(scale), Some(found_inf)) = (&mut self.loss_scale, &found_inf) {
            scale.adapt(found_inf);
        }
        self.position.updates += 1;
        Ok(())
    }

    /// What the network sees of a batch of the epoch under way.
    pub(super) fn example(&self, batch: &TrainBatch) -> Example {
        let _phase = Phase::new(c"augment");
        let epoch = self.position.epochs + 1;
        match &self.ranks {
            None => self.examples.example(batch, epoch),
            Some(ranks) => {
                let own = ranks.own(self.recipe.batch_size as usize);
                self.examples.part(batch, epoch, own)
            }
        }
    }

    /// Makes gradients and a loss, a scalar, those of all ranks, and so the running statistics with `statistics`.
    fn unite(&self, gradients: &mut Vec<Tensor>, loss: &mut Tensor, statistics: bool) -> Result<()> {
        let Some(ranks) = &self.ranks else { return Ok(()) };
        ranks.unite(&self.model, gradients, loss, statistics, self.recipe.batch_size as usize)
    }

    /// The training loss; with several ranks, this one's share of it.
    fn loss(&self, example: &Example, mode: Mode) -> Result<Tensor> {
        let _phase = Phase::new(c"forward");
        let loss = self.objective(&self.logits(example, mode, &mut |_, _| ()), example);
        let Some(ranks) = &self.ranks else { return Ok(loss) };
        ranks.addend(loss, &example.targets, self.recipe.batch_size as usize, self.class_weights.as_ref())
    }

    /// The network's float32 logits in training, in mixed precision where the recipe asks for it; `watch` hears of the
    /// layers.
    pub(super) fn logits(
        &self,
        example: &Example,
        mode: Mode,
        watch: &mut impl FnMut(fmt::Arguments, &Tensor),
    ) -> Tensor {
        let device = self.model.parameters.device();
        let _autocast = self.recipe.amp.then(|| Autocast::new(device, amp_kind(self.recipe.amp_dtype)));
        self.model.forward_watched(&example.images, mode, watch).to_kind(Kind::Float)
    }

    /// The training objective of logits.
    pub(super) fn objective(&self, logits: &Tensor, example: &Example) -> Tensor {
        cross_entropy(logits, &example.targets, self.class_weights.as_ref(), self.recipe.smoothing)
    }

    /// The draws of dropout and its kin in batch `number` of the epoch under way.
    pub(super) fn noise(&self, number: u32) -> DropoutDraws {
        let part = self.ranks.as_ref().map(|ranks| ranks.part(self.recipe.batch_size as usize, self.recipe.sync_bn));
        DropoutDraws::new(Stream::new(self.recipe.seed, Purpose::Network, self.position.epochs + 1, number), part)
    }

    /// Whether the update under way is sharpness-aware.
    fn is_sharp(&self) -> bool {
        self.recipe.sam > 0.0 && self.optimizer.updates.is_multiple_of(u64::from(self.recipe.sam_every))
    }

    /// The gradients where `gradients` lead uphill to; the weights are back where they were afterwards.
    fn gradients_uphill(&self, gradients: Vec<Tensor>, example: &Example, number: u32) -> Result<Vec<Tensor>> {
        let trained: Vec<&Tensor> = self.model.parameters.trained().map(|parameter| &parameter.tensor).collect();
        let before = {
            let _phase = Phase::new(c"sharpness");
            sharpness::ascend(&trained, gradients, self.recipe.sam)
        };
        let mut uphill = Vec::new();
        add_gradients(&mut uphill, &self.loss(example, Mode::Repeat(self.noise(number)))?, &self.model);
        let _phase = Phase::new(c"sharpness");
        sharpness::descend(&trained, &before);
        Ok(uphill)
    }

    /// Takes the epoch's weights into the average, if it is one over epochs.
    fn average_epoch(&mut self, data: &Dataset) -> Result<()> {
        let epoch = self.position.epochs + 1;
        let Some(average) = &mut self.average else { return Ok(()) };
        if !average.after_epoch(&self.model, epoch) {
            return Ok(());
        }
        let (batch_size, device) = (self.recipe.batch_size as usize, self.model.parameters.device());
        let mut order = order(&self.recipe, &data.train.labels, epoch);
        order.truncate(swa::BATCHES * batch_size);
        let repeats = repeats(&order);
        let draw = draw(&self.recipe, data, device);
        let batches = data.train.batches(order, batch_size, device).zip(repeats.chunks(batch_size));
        let images = batches.map(|(batch, repeats)| {
            let batch = batch?;
            let ids: Vec<u32> = batch.positions.iter().map(|&position| data.train.ids[position as usize]).collect();
            Ok(self.examples.images(&batch, &draw.batch(epoch, &ids, repeats)?, epoch))
        });
        let network = &self.average.as_ref().context("the average was just used")?.network;
        swa::estimate_statistics(network, images)?;
        let Some(ranks) = &self.ranks else { return Ok(()) };
        // Each has estimated the same, on whatever processor it runs.
        ranks.broadcast(network.running_statistics().map(|parameter| &parameter.tensor))
    }

    /// The sum on the host, or a failure that names what went wrong first since `look`, when the loss or a weight has
    /// left the finite numbers. One host read.
    fn read_loss(&mut self, loss_sum: &Tensor, look: &Look, data: &Dataset) -> Result<f64> {
        let sum = torch::read_number(&(loss_sum + self.model.parameters.times_zero()))?;
        if sum.is_finite() {
            return Ok(sum);
        }
        let Position { epochs, updates, .. } = self.position;
        let rate = self.rate(self.optimizer.updates.saturating_sub(1), data.train.len());
        let told = match look.first_fault(self, data)? {
            Some(fault) => fault.to_string(),
            None => format!("epoch {}, update {updates}, learning rate {rate}", epochs + 1),
        };
        bail!(Failure(format!(
            "training has left the finite numbers, a smaller --lr, --warmup-epochs or --clip-grad usually helps: {told}"
        )))
    }
}

/// libtorch's name for a short type.
pub fn amp_kind(dtype: AmpDtype) -> Kind {
    match dtype {
        AmpDtype::Bfloat16 => Kind::BFloat16,
        AmpDtype::Float16 => Kind::Half,
    }
}

/// Adds the gradients of `loss` to those of the batches before it. Each is laid out in memory as its parameter.
fn add_gradients(gradients: &mut Vec<Tensor>, loss: &Tensor, model: &ResNet) {
    let _phase = Phase::new(c"backward");
    let trained: Vec<&Tensor> = model.parameters.trained().map(|parameter| &parameter.tensor).collect();
    let fresh = Tensor::run_backward(&[loss], &trained, false, false);
    let fresh = fresh.into_iter().zip(&trained).map(|(gradient, parameter)| lists::laid_out_as(gradient, parameter));
    let fresh: Vec<Tensor> = fresh.collect();
    if gradients.is_empty() {
        *gradients = fresh;
    } else {
        lists::add_all(&gradients.iter().collect::<Vec<_>>(), &fresh.iter().collect::<Vec<_>>());
    }
}
