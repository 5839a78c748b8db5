//! A training run in memory: network, optimizer and everything else that an update changes, and the update itself.

use std::fmt;

use anyhow::{Context, Result, ensure};
use tch::{Device, Kind, Tensor};
use xxhash_rust::xxh3::Xxh3;

use super::{
    Average, EarlyStopping, LossScale, Position, Ranks, TrainState,
    distillation::{self, Teacher},
    epoch_batches::EpochBatches,
    examples::{Example, Examples, TrainBatch},
    objective::Objective,
    optim::{Optimizer, clip_to_norm},
    sharpness, whitening,
};
use crate::{
    augment::Normalize,
    data::{Dataset, Split},
    hub::{self, Cache},
    model::{
        Architecture, DropoutDraws, Mode, Parameters, ResNet,
        pretrained::{self, Images, Loaded},
        weights,
    },
    random::{Purpose, Stream},
    recipe::{AmpDtype, HubName, Recipe, schedule},
    run::{Outputs, PretrainedFile, TeacherFile},
    torch::{self, Autocast, lists, observe::ProfilerPhase, throw},
};

/// Prefix of the network's own tensors among those of the state.
pub(super) const MODEL: &str = "model/";
/// Prefix of the averaged network's tensors among those of the state.
pub(super) const AVERAGE: &str = "average/";

/// Everything that a run carries from one update to the next. Random draws carry nothing: they are functions of the
/// position.
#[derive(Debug)]
pub struct Trainer {
    /// The numbers that determine the run.
    pub recipe: Recipe,
    /// The network.
    pub model: ResNet,
    /// The optimizer.
    pub optimizer: Optimizer,
    /// The averaged weights, where the recipe asks for them.
    pub average: Option<Average>,
    /// The lowest val loss and the epochs since.
    pub early_stopping: EarlyStopping,
    /// The position of the run.
    pub position: Position,
    /// Wall time of the updates after the finished epochs, when training last paused \[s\].
    pub seconds_in_epoch: f64,
    /// Converts bytes to network input for evaluation.
    pub normalize: Normalize,
    /// The file that the weights came from, where a recipe's `pretrained` was read.
    pub pretrained: Option<PretrainedFile>,
    /// The scale of the loss, where gradients are in float16.
    pub loss_scale: Option<LossScale>,
    /// What the network sees of the training images.
    pub(super) examples: Examples,
    objective: Objective,
    /// The network that teaches this one, where the recipe names one.
    teacher: Option<Teacher>,
    /// The processes that train this run together; a single one unless [`Trainer::join`] is called.
    pub(super) ranks: Ranks,
}

impl Trainer {
    /// A run at its beginning, from the recipe's pretrained weights if it names any.
    ///
    /// # Errors
    /// The pretrained weights cannot be read or do not fit; libtorch has no memory for the network.
    pub fn new(recipe: &Recipe, data: &Dataset, device: Device) -> Result<Self> {
        let mut trainer = Self::before_restore(recipe, data, device)?;
        if recipe.whitening {
            whitening::start(&trainer.model, &trainer.normalize, &data.train, data.size)?;
        }
        if let Some(given) = &recipe.pretrained {
            let images = Images { classes: &data.classes, mean: &data.mean, std: &data.std };
            let (path, name) = pretrained_file(given)?;
            let loaded = torch::catch(|| pretrained::load(&trainer.model, recipe, path.as_ref(), &images))?;
            let Loaded { hash, notes } = loaded;
            let (repo, commit) = name.map(|name| (name.repo, name.revision)).unzip();
            trainer.pretrained = Some(PretrainedFile { path, repo, commit: commit.flatten(), hash, notes });
        }
        if let (true, Some(average)) = (recipe.whitening || recipe.pretrained.is_some(), &trainer.average) {
            average.start_from(&trainer.model);
        }
        Ok(trainer)
    }

    /// A run whose state a checkpoint or rank 0 will replace: its pretrained weights, if any, are not read.
    ///
    /// # Errors
    /// libtorch has no memory for the network.
    pub fn before_restore(recipe: &Recipe, data: &Dataset, device: Device) -> Result<Self> {
        let architecture = Architecture::new(recipe, data.channels, data.classes.len())?;
        torch::catch(|| {
            let model = ResNet::new(&architecture, recipe.seed, device);
            let normalize = Normalize::new(&data.mean, &data.std, device);
            let teacher = Teacher::load(recipe, data, &normalize)?;
            Ok(Self {
                examples: Examples::new(recipe, data, &normalize),
                optimizer: Optimizer::new(recipe, &model.parameters),
                average: Average::new(recipe, &architecture, device),
                model,
                early_stopping: EarlyStopping::default(),
                recipe: recipe.clone(),
                position: Position::default(),
                seconds_in_epoch: 0.0,
                normalize,
                pretrained: None,
                loss_scale: (recipe.amp && recipe.amp_dtype == AmpDtype::Float16).then(|| LossScale::new(device)),
                objective: Objective::new(recipe, data, teacher.as_ref().map(|teacher| teacher.logit_adjust), device)?,
                teacher,
                ranks: Ranks::single(),
            })
        })
    }

    /// The device of the network.
    pub fn device(&self) -> Device {
        self.model.parameters.device()
    }

    /// The model: the averaged weights where there are any, the trained ones otherwise. All figures are measured on it.
    pub fn network(&self) -> &ResNet {
        self.averaged().unwrap_or(&self.model)
    }

    /// The file of the network that teaches this one.
    pub fn teacher_file(&self) -> Option<&TeacherFile> {
        self.teacher.as_ref().map(|teacher| &teacher.file)
    }

    /// The network of averaged weights, where there are any.
    pub fn averaged(&self) -> Option<&ResNet> {
        self.average.as_ref().and_then(Average::active)
    }

    /// Whether the run is at its end: all epochs are done, or early stopping is due.
    pub fn is_done(&self) -> bool {
        self.position.epochs >= self.recipe.epochs || self.early_stopping.is_due(self.recipe.early_stop)
    }

    /// Batches in an epoch over `images` training images; an incomplete last batch is dropped.
    pub fn batches_per_epoch(&self, images: usize) -> u64 {
        images as u64 / u64::from(self.recipe.batch_size)
    }

    /// Updates in an epoch; where accumulation does not divide the batches, the last update has fewer.
    pub fn updates_per_epoch(&self, images: usize) -> u64 {
        self.batches_per_epoch(images).div_ceil(u64::from(self.recipe.grad_accum_steps))
    }

    /// Images that the rest of the current epoch trains on, of `images` training images.
    pub fn images_left(&self, images: usize) -> u64 {
        let seen = self.position.updates * u64::from(self.recipe.grad_accum_steps);
        self.batches_per_epoch(images).saturating_sub(seen) * u64::from(self.recipe.batch_size)
    }

    /// Learning rate of update `update`, counted from 0 over the whole run.
    pub fn rate(&self, update: u64, images: usize) -> f64 {
        schedule::rate(&self.recipe, update, self.updates_per_epoch(images))
    }

    /// The state apart from tensors.
    ///
    /// # Errors
    /// An exception of libtorch.
    pub fn state(&self) -> Result<TrainState> {
        Ok(TrainState {
            position: self.position,
            seconds_in_epoch: self.seconds_in_epoch,
            optimizer_updates: self.optimizer.updates,
            averaged: self.average.as_ref().map_or(0, |average| average.count),
            early_stopping: self.early_stopping,
            loss_scale: self.loss_scale.as_ref().map(LossScale::state).transpose()?,
        })
    }

    /// Replaces the state apart from tensors.
    pub(super) fn set_state(&mut self, state: &TrainState) {
        self.position = state.position;
        self.seconds_in_epoch = state.seconds_in_epoch;
        self.optimizer.updates = state.optimizer_updates;
        if let Some(average) = &mut self.average {
            average.count = state.averaged;
        }
        self.early_stopping = state.early_stopping;
        if let (Some(scale), Some(state)) = (&mut self.loss_scale, &state.loss_scale) {
            scale.set_state(state);
        }
    }

    /// Every tensor of the state, by name: network, average, optimizer.
    pub(super) fn tensors(&self) -> Vec<(String, &Tensor)> {
        let mut tensors = prefixed(MODEL, &self.model.parameters);
        if let Some(average) = &self.average {
            tensors.extend(prefixed(AVERAGE, &average.network.parameters));
        }
        tensors.extend(self.optimizer.state());
        tensors
    }

    /// A hash of the state that is equal on all ranks after every update. The position is left out, since only rank 0
    /// pauses to write checkpoints.
    ///
    /// # Errors
    /// An exception of libtorch.
    pub fn hash(&self) -> Result<i64> {
        let mut hash = Xxh3::new();
        hash.update(&serde_json::to_vec(&self.state()?.loss_scale)?);
        for (name, tensor) in self.tensors() {
            hash.update(&weights::to_array(name, tensor)?.bytes);
        }
        Ok(hash.digest() as i64)
    }

    /// Makes this trainer one of several that train together from rank 0's state. Recipe and data must be rank 0's.
    ///
    /// # Errors
    /// A batch is too small to be shared among so many, or a rank is dead.
    pub fn join(&mut self, ranks: Ranks) -> Result<()> {
        let batch = self.recipe.batch_size as usize;
        let size = ranks.size();
        ensure!(
            batch >= 2 * size,
            "a batch of {batch} among {size} ranks leaves one with a single image, which has no variance for batch norm; \
             choose a batch_size of at least {}",
            2 * size
        );
        ranks.broadcast(self.tensors().into_iter().map(|(_, tensor)| tensor))?;
        let own_state = if ranks.rank() == 0 { Some(self.state()?) } else { None };
        if let Some(state) = ranks.first_of(own_state)? {
            self.set_state(&state);
        }
        self.examples.own = ranks.own(batch);
        self.ranks = ranks;
        Ok(())
    }

    /// The batches from the current position to the end of the epoch, each with the rows that this rank needs.
    pub(super) fn epoch_batches<'a>(&self, data: &'a Dataset) -> Result<EpochBatches<'a>> {
        let done = self.position.updates * u64::from(self.recipe.grad_accum_steps);
        let epoch = self.position.epochs + 1;
        EpochBatches::new(&self.recipe, data, epoch, done, self.device(), |number| self.examples.rows(epoch, number))
    }

    /// One update of the trained weights at learning rate `rate`, on the `batches` whose gradients are averaged. Their
    /// losses are added to `loss_sum`, a float64 scalar on the device.
    /// Fails if another rank is dead; the update is then incomplete, and the state cannot be used.
    pub(super) fn update(&mut self, batches: Vec<TrainBatch>, rate: f64, loss_sum: &mut Tensor) -> Result<()> {
        let count = batches.len();
        let mut gradients = Vec::new();
        let mut losses = Vec::new();
        for batch in batches {
            let example = self.example(&batch);
            let loss = self.loss(&example, Mode::Train(self.dropout_draws(batch.number)))?;
            losses.push(loss.detach().to_kind(Kind::Double));
            let mut loss = loss / count as f64;
            if let Some(scale) = &self.loss_scale {
                loss = scale.scale(&loss);
            }
            add_gradients(&mut gradients, &loss, &self.model);
            if self.is_sharp() {
                self.all_reduce(&mut gradients, Vec::new(), false)?;
                gradients = self.gradients_uphill(gradients, &example, batch.number)?;
            }
        }
        for loss in self.all_reduce(&mut gradients, losses, !self.recipe.sync_bn)? {
            let _ = loss_sum.g_add_(&loss);
        }
        let _phase = ProfilerPhase::new(c"optimizer");
        // After the all-reduce, so that all ranks find the same overflow.
        let overflow = self.loss_scale.as_ref().map(|scale| scale.unscale(&mut gradients));
        if let Some(limit) = self.recipe.clip_grad {
            clip_to_norm(&mut gradients, limit);
        }
        self.optimizer.step(&gradients, rate, overflow.as_ref());
        if let (Some(scale), Some(overflow)) = (&mut self.loss_scale, &overflow) {
            scale.adapt(overflow);
        }
        self.position.updates += 1;
        Ok(())
    }

    /// The example of a batch of the current epoch; on several ranks, of this rank's part of it.
    pub(super) fn example(&self, batch: &TrainBatch) -> Example {
        let _phase = ProfilerPhase::new(c"augment");
        self.examples.example(batch, self.position.epochs + 1)
    }

    /// Sums gradients and losses over all ranks, see [`Ranks::all_reduce`].
    fn all_reduce(&self, gradients: &mut Vec<Tensor>, losses: Vec<Tensor>, statistics: bool) -> Result<Vec<Tensor>> {
        self.ranks.all_reduce(&self.model, gradients, losses, statistics, self.recipe.batch_size as usize)
    }

    /// The training loss; with several ranks, this rank's share of it.
    fn loss(&self, example: &Example, mode: Mode) -> Result<Tensor> {
        let _phase = ProfilerPhase::new(c"forward");
        let loss = self.objective(&self.logits(example, mode, &mut |_, _| ()), example);
        let batch_size = self.recipe.batch_size as usize;
        self.ranks.loss_share(loss, &example.targets, batch_size, self.objective.class_weights.as_ref())
    }

    /// The network's float32 logits in training, in mixed precision where the recipe asks for it. `observe_layer` is
    /// called with the name and the output of each layer.
    pub(super) fn logits(
        &self,
        example: &Example,
        mode: Mode,
        observe_layer: &mut impl FnMut(fmt::Arguments, &Tensor),
    ) -> Tensor {
        let _autocast = self.autocast();
        self.model.forward_watched(&example.images, mode, observe_layer).to_kind(Kind::Float)
    }

    /// Mixed precision for as long as it is held, where the recipe asks for it.
    fn autocast(&self) -> Option<Autocast> {
        self.recipe.amp.then(|| Autocast::new(self.device(), amp_kind(self.recipe.amp_dtype)))
    }

    /// The training objective of logits.
    pub(super) fn objective(&self, logits: &Tensor, example: &Example) -> Tensor {
        let own = self.objective.loss(logits, &example.targets);
        match self.taught(example) {
            Some(taught) => {
                let logits = self.objective.toward_teacher(logits);
                distillation::objective(&self.recipe, &own, &logits, &taught)
            }
            None => own,
        }
    }

    /// The logits of the network that teaches this one: a trained one, or its own average once there is one.
    fn taught(&self, example: &Example) -> Option<Tensor> {
        let _autocast = self.autocast();
        if let Some(teacher) = &self.teacher {
            return Some(teacher.logits(&example.images).unwrap_or_else(|error| throw(error)));
        }
        let average = self.averaged().filter(|_| self.recipe.kd_average)?;
        let _guard = tch::no_grad_guard();
        // By the batch's statistics, as the student: the average's running ones are far off in the first epochs.
        Some(average.forward(&example.images, Mode::Estimate(0.0)).to_kind(Kind::Float))
    }

    /// The random draws of dropout, drop path and DropBlock in batch `number` of the current epoch.
    pub(super) fn dropout_draws(&self, number: u32) -> DropoutDraws {
        let part = self.ranks.part(self.recipe.batch_size as usize, self.recipe.sync_bn);
        DropoutDraws::new(Stream::new(self.recipe.seed, Purpose::Network, self.position.epochs + 1, number), part)
    }

    /// Whether the current update is sharpness-aware.
    fn is_sharp(&self) -> bool {
        self.recipe.sam > 0.0 && self.optimizer.updates.is_multiple_of(u64::from(self.recipe.sam_every))
    }

    /// The gradients at the point that lies uphill along `gradients`. The weights are restored afterwards.
    fn gradients_uphill(&self, gradients: Vec<Tensor>, example: &Example, number: u32) -> Result<Vec<Tensor>> {
        let trained: Vec<&Tensor> = self.model.parameters.trained().map(|parameter| &parameter.tensor).collect();
        let before = {
            let _phase = ProfilerPhase::new(c"sharpness");
            sharpness::ascend(&trained, gradients, self.recipe.sam)
        };
        let mut uphill = Vec::new();
        add_gradients(&mut uphill, &self.loss(example, Mode::Repeat(self.dropout_draws(number)))?, &self.model);
        let _phase = ProfilerPhase::new(c"sharpness");
        sharpness::descend(&trained, &before);
        Ok(uphill)
    }

    /// The outputs of `network`, the model or its trained weights, on the images of `split` at `positions`; all ranks
    /// share the work.
    pub(super) fn evaluate(&self, network: &ResNet, split: &Split, positions: &[u32]) -> Result<Outputs> {
        self.ranks.evaluate(network, &self.normalize, split, positions)
    }
}

/// The libtorch type for `dtype`.
pub fn amp_kind(dtype: AmpDtype) -> Kind {
    match dtype {
        AmpDtype::Bfloat16 => Kind::BFloat16,
        AmpDtype::Float16 => Kind::Half,
    }
}

/// The tensors of a network, with `prefix` before their names.
fn prefixed<'a>(prefix: &str, parameters: &'a Parameters) -> Vec<(String, &'a Tensor)> {
    parameters.all().iter().map(|parameter| (format!("{prefix}{}", parameter.name), &parameter.tensor)).collect()
}

/// Adds the gradients of `loss` to `gradients`, those of earlier batches. Each gets its parameter's strides.
fn add_gradients(gradients: &mut Vec<Tensor>, loss: &Tensor, model: &ResNet) {
    let _phase = ProfilerPhase::new(c"backward");
    let trained: Vec<&Tensor> = model.parameters.trained().map(|parameter| &parameter.tensor).collect();
    let mut fresh = Vec::with_capacity(trained.len());
    for (gradient, parameter) in Tensor::run_backward(&[loss], &trained, false, false).into_iter().zip(&trained) {
        fresh.push(lists::laid_out_as(gradient, parameter));
    }
    if gradients.is_empty() {
        *gradients = fresh;
    } else {
        lists::add_all(&gradients.iter().collect::<Vec<_>>(), &fresh.iter().collect::<Vec<_>>());
    }
}

/// The path of the weights that a recipe's `pretrained` names, and their name on the hub with the commit, where it is one.
/// Fails if the hub's file is not in the cache: training uses no network.
fn pretrained_file(given: &str) -> Result<(String, Option<HubName>)> {
    let Some(name) = HubName::recorded(given) else { return Ok((given.to_owned(), None)) };
    let cache = Cache::from_env()?;
    let found = cache.find(&name, hub::WEIGHTS).zip(cache.commit(&name));
    let (path, commit) = found.with_context(|| {
        format!("pretrained = \"{given}\" is not in the cache of the hub: fetch it with `Hub::file`, which downloads it once")
    })?;
    let path = path.to_str().context("the path of the hub's cache is no UTF-8")?;
    Ok((path.to_owned(), Some(name.at(&commit))))
}
