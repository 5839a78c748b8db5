//! One level of each knob, and the recipe that they amount to.

use serde::{Deserialize, Serialize};

use super::{Knob, Network};
use crate::recipe::{Curve, Opt, Phase, Recipe, Tta};

/// Training images below which the search does not start from Muon.
const FEW_IMAGES: usize = 5_000;

/// One level of each knob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Index into the networks of the search.
    pub network: usize,
    /// Level of [`Knob::Augmentation`].
    pub augmentation: usize,
    /// Level of [`Knob::Flip`].
    pub flip: usize,
    /// Level of [`Knob::Mixing`].
    pub mixing: usize,
    /// Level of [`Knob::Smoothing`].
    pub smoothing: usize,
    /// Level of [`Knob::Decay`].
    pub decay: usize,
    /// Level of [`Knob::Dropout`].
    pub dropout: usize,
    /// Level of [`Knob::Rate`].
    pub rate: usize,
    /// Level of [`Knob::Sharpness`].
    pub sharpness: usize,
    /// Level of [`Knob::Optimizer`].
    #[serde(default)]
    pub optimizer: usize,
}

impl Settings {
    /// What the search starts from: the levels of preset `closed`, with network number `network`.
    pub fn start(network: usize) -> Self {
        let (augmentation, flip, mixing, smoothing, decay, dropout) = (2, 1, 0, 1, 1, 0);
        let (rate, sharpness, optimizer) = (1, 0, 1);
        Self { network, augmentation, flip, mixing, smoothing, decay, dropout, rate, sharpness, optimizer }
    }

    /// The level of `knob`.
    pub fn level(mut self, knob: Knob) -> usize {
        *self.level_mut(knob)
    }

    /// These settings with another level of `knob`.
    #[must_use]
    pub fn with(mut self, knob: Knob, level: usize) -> Self {
        *self.level_mut(knob) = level;
        self
    }

    fn level_mut(&mut self, knob: Knob) -> &mut usize {
        match knob {
            Knob::Network => &mut self.network,
            Knob::Augmentation => &mut self.augmentation,
            Knob::Flip => &mut self.flip,
            Knob::Mixing => &mut self.mixing,
            Knob::Smoothing => &mut self.smoothing,
            Knob::Decay => &mut self.decay,
            Knob::Dropout => &mut self.dropout,
            Knob::Rate => &mut self.rate,
            Knob::Sharpness => &mut self.sharpness,
            Knob::Optimizer => &mut self.optimizer,
        }
    }

    /// How many times the time of a plain update one takes.
    pub fn passes(&self) -> f64 {
        if self.sharpness > 0 { 2.0 } else { 1.0 }
    }

    /// In words, what differs from `other` in place of it: `strong augmentation, no smoothing`.
    pub fn differences(&self, other: &Self, networks: &[Network]) -> String {
        let mut words = Vec::new();
        if self.network != other.network {
            words.push(networks[self.network].words());
        }
        for knob in Knob::WITH_LEVELS {
            if self.level(knob) != other.level(knob) {
                words.push(knob.levels()[self.level(knob)].to_owned());
            }
        }
        words.join(", ")
    }
}

/// What all candidates share.
#[derive(Clone, Debug, PartialEq)]
pub struct Base {
    /// The reference, of which candidates keep what no knob of the search decides: pretrained weights, sizes, class weights,
    /// seeds of the data.
    pub reference: Recipe,
    /// Whether the reference is the user's own: then candidates keep its optimizer, batch size and rate.
    pub is_own: bool,
    /// Training images.
    pub images: usize,
    /// The networks to choose from.
    pub networks: Vec<Network>,
    /// Whether candidates train in mixed precision.
    pub amp: bool,
}

impl Base {
    fn batch_size(&self) -> u32 {
        if self.is_own { self.reference.batch_size } else { fitting_batch(self.images) }
    }

    /// What the search starts from with network number `network`. On few images, and where the optimizer is the user's, that is not
    /// Muon: on the generated faces it reached the val loss of SGD with a larger gap (docs/close.md).
    pub fn start(&self, network: usize) -> Settings {
        let takes_muon = !self.is_own && self.images >= FEW_IMAGES;
        Settings::start(network).with(Knob::Optimizer, takes_muon.into())
    }

    /// Updates of an epoch of `recipe`, one at least.
    pub fn updates(&self, recipe: &Recipe) -> f64 {
        let batches = self.images as f64 / f64::from(recipe.batch_size);
        (batches.floor() / f64::from(recipe.grad_accum_steps)).ceil().max(1.0)
    }

    /// Whether these settings amount to a recipe whose keys go together, and that only they have.
    pub fn takes(&self, settings: &Settings) -> bool {
        let is_own_optimizer = self.is_own && settings.optimizer > 0;
        !is_own_optimizer && self.recipe(settings, 3, 0).validate().is_ok()
    }

    /// The recipe of `settings` over `epochs` epochs with `seed`: the rate rises over the first fifth and falls to zero over the rest,
    /// and the weights are averaged over about the last tenth of the updates.
    pub fn recipe(&self, settings: &Settings, epochs: u32, seed: u64) -> Recipe {
        let batch_size = self.batch_size();
        let mut recipe =
            Recipe { batch_size, amp: self.amp, ..self.networks[settings.network].in_recipe(&self.reference) };
        if !self.is_own {
            // The rates at batches of 128: for SGD it is scaled with the batch (Goyal et al. 2017), for steps of a given length with its
            // root.
            let batches = f64::from(batch_size) / 128.0;
            (recipe.opt, recipe.momentum, recipe.lr) = match settings.optimizer {
                0 => (Opt::Sgd, 0.9, 0.2 * batches),
                _ => (Opt::Muon, 0.95, 0.04 * batches.sqrt()),
            };
            recipe.nesterov = recipe.opt == Opt::Sgd;
        }
        recipe.lr *= [0.5, 1.0, 2.0][settings.rate];
        set_images(&mut recipe, settings);
        set_regularisation(&mut recipe, settings);
        self.set_length(&mut recipe, epochs);
        Recipe { seed, ..recipe }
    }

    /// Sets epochs, schedule and averaging.
    fn set_length(&self, recipe: &mut Recipe, epochs: u32) {
        let length = f64::from(epochs);
        let phase = |share: f64, from, to| Phase { epochs: share * length, curve: Curve::Linear { from, to } };
        recipe.epochs = epochs;
        recipe.schedule = vec![phase(0.2, 0.0, 1.0), phase(0.8, 1.0, 0.0)];
        recipe.early_stop = 0;
        recipe.swa_start = 0;
        recipe.progressive = 0.0;
        // Without an average the reference's own self-distillation had no effect.
        recipe.kd_average &= self.reference.averages_weights();
        recipe.model_ema = true;
        let updates = length * self.updates(recipe);
        recipe.model_ema_decay = (1.0 - 10.0 / updates).clamp(0.5, 0.9995);
    }
}

/// `recipe` over `epochs` epochs: its schedule is stretched, and what it begins or ends at an epoch moves with it. It does not stop early,
/// since that would choose its last epoch on all of val.
pub fn of_length(recipe: &Recipe, epochs: u32) -> Recipe {
    let share = f64::from(epochs) / f64::from(recipe.epochs.max(1));
    let moved = |epoch: u32| if epoch == 0 { 0 } else { ((f64::from(epoch) * share).round() as u32).clamp(1, epochs) };
    let (swa_start, mixup_off_epoch) = (moved(recipe.swa_start), moved(recipe.mixup_off_epoch));
    Recipe { swa_start, mixup_off_epoch, early_stop: 0, ..recipe.clone().epochs(epochs) }
}

/// The batch size for `images` training images: some 50 batches an epoch or more, up to the 128 of the presets.
pub fn fitting_batch(images: usize) -> u32 {
    let fitting = (images / 50).max(1).next_power_of_two() as u32;
    fitting.clamp(16, 128).min(images as u32).max(1)
}

fn set_images(recipe: &mut Recipe, settings: &Settings) {
    let (rotate, translate, zoom, jitter, erase) = match settings.augmentation {
        0 => (0.0, 0.0, [1.0, 1.0], 0.0, 0.0),
        1 => (5.0, 0.04, [0.92, 1.08], 0.1, 0.0),
        2 => (12.0, 0.06, [0.85, 1.15], 0.2, 0.0),
        3 => (15.0, 0.08, [0.8, 1.2], 0.3, 0.25),
        _ => (20.0, 0.12, [0.7, 1.3], 0.4, 0.4),
    };
    recipe.rotate = rotate;
    recipe.translate = translate;
    recipe.zoom = zoom;
    recipe.color_jitter = if jitter > 0.0 { vec![jitter, jitter] } else { Recipe::default().color_jitter };
    recipe.reprob = erase;
    recipe.hflip = if settings.flip > 0 { 0.5 } else { 0.0 };
    recipe.tta = if settings.flip > 0 { Tta::Flip } else { Tta::None };
    // The other ways of augmentation are off, so that a level means the same in every search.
    let off = Recipe::default();
    recipe.hflip_alternate = off.hflip_alternate;
    recipe.vflip = off.vflip;
    recipe.scale = off.scale;
    recipe.crop_pad = off.crop_pad;
    recipe.train_crop = off.train_crop;
    recipe.blur = off.blur;
    recipe.aa = off.aa;
}

fn set_regularisation(recipe: &mut Recipe, settings: &Settings) {
    (recipe.mixup, recipe.cutmix) = [(0.0, 0.0), (0.2, 0.0), (0.0, 0.5)][settings.mixing];
    recipe.mixup_off_epoch = 0;
    recipe.smoothing = [0.0, 0.05, 0.1][settings.smoothing];
    // SGD's decay acts through the gradient, that of the others is decoupled from it.
    let decay = if recipe.opt == Opt::Sgd { 5e-4 } else { 0.03 };
    recipe.weight_decay = [0.0, 1.0, 2.0, 4.0][settings.decay] * decay;
    recipe.drop = [0.0, 0.1, 0.25][settings.dropout];
    (recipe.drop_path, recipe.drop_block) = (0.0, 0.0);
    recipe.sam = if settings.sharpness > 0 { 0.05 } else { 0.0 };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::{Candidate, networks};

    fn base(is_own: bool, reference: Recipe, images: usize) -> Base {
        Base { networks: networks(48, &reference), amp: reference.amp, reference, is_own, images }
    }

    #[test]
    fn every_level_of_every_knob_is_a_valid_recipe() {
        let base = base(false, Recipe { img_size: Some(48), ..Recipe::default() }, 28_709);
        for knob in Knob::WITH_LEVELS {
            for level in 0..knob.levels().len() {
                for epochs in [1, 2, 15] {
                    base.recipe(&Settings::start(2).with(knob, level), epochs, 3).validate().unwrap();
                }
            }
        }
        for network in 0..base.networks.len() {
            base.recipe(&Settings::start(network), 7, 0).validate().unwrap();
        }
    }

    #[test]
    fn the_start_is_preset_closed() {
        let base = base(false, Recipe::default(), 28_709);
        let closed = Recipe::preset("closed").unwrap();
        let start = base.recipe(&Settings::start(2), closed.epochs, 0);
        let differing: Vec<String> = start.diff(&closed).into_iter().map(|difference| difference.key).collect();
        assert_eq!(differing, ["model_ema_decay"]);
    }

    #[test]
    fn small_data_get_small_batches_and_a_smaller_rate() {
        for (images, batch) in [(300, 16), (2_000, 64), (1_000, 32), (28_709, 128), (10, 10)] {
            let base = base(false, Recipe::default(), images);
            let recipe = base.recipe(&base.start(0), 4, 0);
            assert_eq!(recipe.batch_size, batch, "{images}");
            let (opt, lr) = if images < 5_000 { (Opt::Sgd, 0.2 * f64::from(batch) / 128.0) } else { (Opt::Muon, 0.04) };
            assert!(recipe.opt == opt && (recipe.lr - lr).abs() < 1e-12, "{images}");
        }
    }

    #[test]
    fn a_recipe_of_another_length_keeps_its_proportions() {
        let recipe = Recipe { swa_start: 40, mixup_off_epoch: 10, mixup: 0.2, early_stop: 5, ..Recipe::default() };
        for (epochs, swa_start, off) in [(50, 40, 10), (25, 20, 5), (1, 1, 1)] {
            let shorter = of_length(&recipe, epochs);
            shorter.validate().unwrap();
            let found = (shorter.epochs, shorter.swa_start, shorter.mixup_off_epoch, shorter.early_stop);
            assert_eq!(found, (epochs, swa_start, off, 0));
        }
    }

    #[test]
    fn the_users_own_recipe_keeps_optimizer_batch_and_rate() {
        let own = Recipe { opt: Opt::Adamw, lr: 1e-3, batch_size: 50, ..Recipe::default() };
        let base = base(true, own, 5_000);
        let recipe = base.recipe(&base.start(0), 4, 0);
        assert!(!base.takes(&Settings::start(0)), "the optimizer is the user's");
        assert_eq!((recipe.opt, recipe.lr, recipe.batch_size, recipe.nesterov), (Opt::Adamw, 1e-3, 50, false));
        assert_eq!(
            [1, 3].map(|grad_accum_steps| base.updates(&Recipe { grad_accum_steps, ..recipe.clone() })),
            [100.0, 34.0]
        );
        let said = |is_own| Candidate::start(base.start(0), &base.networks, is_own).what;
        assert!(
            said(true).starts_with("the knobs of preset closed, but the reference's optimizer; "),
            "{}",
            said(true)
        );
        assert!(said(false).starts_with("the knobs of preset closed, but SGD; "), "{}", said(false));
    }

    #[test]
    fn differences_are_said_in_words() {
        let networks = networks(48, &Recipe::default());
        let start = Settings::start(2);
        let other = start.with(Knob::Augmentation, 3).with(Knob::Smoothing, 0).with(Knob::Network, 1);
        let words = other.differences(&start, &networks);
        assert_eq!(words, "resnet14, 16 channels, stem of stride 2, strong augmentation, no smoothing");
        assert_eq!(start.differences(&start, &networks), "");
    }
}
