//! The recipe itself: one field per key.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use toml::Table;

use super::{
    Aa, AmpDtype, Border, ClassWeights, Curve, CycleMode, FirstTrained, Opt, Phase, Stem, Tta, family, phase::tidy,
};

/// Every number that determines a run, apart from the data.
///
/// Device, threads and versions decide the last bits of a run, not its meaning, and are recorded elsewhere. The default is
/// the reference recipe, preset `seed`. Field names are the keys of recipe files; flags carry the same names with hyphens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recipe {
    /// Name of the network, one of [`super::MODEL_NAMES`]. timm: `--model`.
    pub model: String,
    /// Channels of the first stage, from 1; later stages are multiples of it. Absent: the family's own, 16 or 64.
    pub width: Option<u32>,
    /// First layers of the ImageNet family; the CIFAR family takes no such key. Absent: `imagenet`.
    pub stem: Option<Stem>,
    /// Stride of a 3×3 stem: 1, 2 or 4. Stride 2 leaves a quarter of the work. The ImageNet stem takes 1 only.
    pub stem_stride: u32,
    /// Shortcuts and ImageNet stem of ResNet-D. Off: false. timm: `resnet50d` for `resnet50`.
    pub resnet_d: bool,
    /// Halve maps by a blur instead of a stride. Off: false. timm: `resnetblur50` for `resnet50`.
    pub blur_pool: bool,
    /// What squeeze-and-excitation divides a block's channels by. Off: 0. timm: `seresnet50` for `resnet50` and 16.
    pub se: u32,
    /// Begin with a fixed layer that whitens patches, computed from training images. Off: false.
    pub whitening: bool,
    /// Start each residual block as the identity: its last norm is zero. Off: false. timm: `--zero-init-last`.
    pub zero_init_last: bool,
    /// In a run on several processes, take batch norm's statistics over the whole batch. Off: false. timm: `--sync-bn`.
    pub sync_bn: bool,
    /// Safetensors file whose weights the network starts from, as an absolute path; in a recipe file relative to its
    /// folder. Off: absent (or empty).
    pub pretrained: Option<String>,
    /// The first layer that is trained; those before it keep their pretrained weights. Off: `conv1`.
    pub freeze_until: FirstTrained,
    /// Factor of the learning rate from each block to the one before it, in (0, 1]. Off: 1. timm: `--layer-decay`.
    pub layer_decay: f64,

    /// Share of the training images that is used, in (0, 1], drawn within each class by `data_seed`. All: 1.
    pub train_fraction: f64,
    /// Side of the square images that the network sees, in pixels. Absent: the data decide. timm: `--img-size`.
    pub img_size: Option<u32>,
    /// Channels of the images: 1 (grey) or 3 (RGB). Absent: the data decide. timm: `--in-chans`.
    pub in_chans: Option<u32>,
    /// Values of 16-bit images that become 0 and 255, those outside becoming the nearest, in [0, 65535]. Absent: those in
    /// use in the data. 8-bit images do not read it.
    pub range_16bit: Option<[u16; 2]>,

    /// Passes over the training images, from 1. timm: `--epochs`.
    pub epochs: u32,
    /// Images per batch, from 1. timm: `--batch-size`.
    pub batch_size: u32,

    /// The optimiser. timm: `--opt`.
    pub opt: Opt,
    /// Peak learning rate, above 0; the schedule gives factors of it. timm: `--lr`.
    pub lr: f64,
    /// Momentum of SGD and Muon, in [0, 1); AdamW does not read it. Off: 0. timm: `--momentum`.
    pub momentum: f64,
    /// Nesterov's momentum, with SGD only. Off: false.
    pub nesterov: bool,
    /// Weight decay, from 0: added to the gradient by SGD, decoupled in AdamW and Muon. Off: 0. timm: `--weight-decay`.
    pub weight_decay: f64,
    /// Let weight decay reach norms and biases too. Off: false, they are spared.
    pub norm_decay: bool,
    /// Learning rate of the biases of norms, as a multiple of the others', above 0. Off: 1.
    pub norm_bias_lr: f64,
    /// Largest norm of the gradient over all weights. Off: absent (or `inf`). timm: `--clip-grad`.
    pub clip_grad: Option<f64>,
    /// Batches whose gradients are averaged for one step of the optimiser, from 1. Off: 1. timm: `--grad-accum-steps`.
    pub grad_accum_steps: u32,
    /// Train in mixed precision: forward and backward passes in `amp_dtype` where that is safe; weights, loss, norms'
    /// statistics and every evaluation in float32. Off: false. timm: `--amp`.
    pub amp: bool,
    /// The short type of mixed precision; read with `amp` only. timm: `--amp-dtype`.
    pub amp_dtype: AmpDtype,

    /// Probability that a feature is dropped before the classifier, in [0, 1). Off: 0. timm: `--drop`.
    pub drop: f64,
    /// Probability that the last residual block is skipped, in [0, 1); earlier ones less. Off: 0. timm: `--drop-path`.
    pub drop_path: f64,
    /// Share of the feature map that is dropped in connected blocks, in [0, 1). Off: 0. timm: `--drop-block`.
    pub drop_block: f64,

    /// Share of each target that is spread over all classes, in [0, 1). Off: 0. timm: `--smoothing`.
    pub smoothing: f64,
    /// Gamma of the focal loss, from 0. Off: 0, cross-entropy.
    pub focal: f64,
    /// Tau of the logit adjustment for rare classes, from 0. Off: 0.
    pub logit_adjust: f64,
    /// A trained network that teaches this one: a run folder, or a TorchScript file. Off: absent (or empty).
    pub teacher: Option<String>,
    /// Let the averaged weights teach the trained ones; read with `model_ema` or `swa_start` only. Off: false.
    pub kd_average: bool,
    /// Share of the objective that the teacher has, in [0, 1]; read with `teacher` or `kd_average` only.
    pub kd_alpha: f64,
    /// Temperature at which student and teacher are compared, above 0; read with `teacher` or `kd_average` only.
    pub kd_temperature: f64,
    /// Alpha of mixup's Beta distribution, from 0. Off: 0. timm: `--mixup`.
    pub mixup: f64,
    /// Alpha of CutMix's Beta distribution, from 0. Off: 0. timm: `--cutmix`.
    pub cutmix: f64,
    /// Probability that a batch is mixed, in [0, 1]; read with mixup or cutmix only. timm: `--mixup-prob`.
    pub mixup_prob: f64,
    /// Probability that a mixed batch is cut, in [0, 1]; read where both are on. timm: `--mixup-switch-prob`.
    pub mixup_switch_prob: f64,
    /// Last epoch that mixes; later ones train on plain images. Off: 0, all epochs mix. timm: `--mixup-off-epoch`.
    pub mixup_off_epoch: u32,
    /// How much each class counts in the training objective. Off: `none`.
    pub class_weights: ClassWeights,
    /// Draw training images so that every class comes equally often. Off: false.
    pub balanced_sampling: bool,

    /// Probability that an image is mirrored, in [0, 1]. Off: 0. timm: `--hflip`.
    pub hflip: f64,
    /// Mirror each image in every other epoch in place of at random; read with `hflip` only. Off: false.
    pub hflip_alternate: bool,
    /// Probability that an image is mirrored top to bottom, in [0, 1]. Off: 0. timm: `--vflip`.
    pub vflip: f64,
    /// Largest rotation to either side, in degrees, in [0, 180]. Off: 0.
    pub rotate: f64,
    /// Largest shift in each direction, as a share of the image's side, in [0, 1]. Off: 0.
    pub translate: f64,
    /// Smallest and largest magnification, in (0, 10]. Off: [1, 1].
    pub zoom: [f64; 2],
    /// Least and largest share of the area that a random resized crop takes, in (0, 1]. Off: [1, 1]. timm: `--scale`.
    pub scale: [f64; 2],
    /// Smallest and largest width-to-height ratio of that crop, in (0, 10]; read with `scale` only. timm: `--ratio`.
    pub ratio: [f64; 2],
    /// Pixels of border from which an image is cropped back to its size at a random place. Off: 0.
    pub crop_pad: u32,
    /// Side of the random window that the network is trained on: pixels or, below 1, a share of the side. Off: 0.
    pub train_crop: f64,
    /// What lies beyond the edge of an image that is turned, moved or shrunk.
    pub border: Border,
    /// Strengths of colour changes from 0, hue up to 0.5: see [`Self::jitter`]. Off: []. timm: `--color-jitter`.
    pub color_jitter: Vec<f64>,
    /// Probability that an image is blurred, in [0, 1]. Off: 0.
    pub blur: f64,
    /// Probability that a rectangle of an image is erased, in [0, 1]. Off: 0. timm: `--reprob`.
    pub reprob: f64,
    /// An automatic policy of augmentation. Off: `none`. timm: `--aa`.
    pub aa: Aa,
    /// Operations to an image of the policy `rand`, 1 to 4. timm: `--aa rand-m9-n2`.
    pub aa_ops: u32,
    /// Strength of the operations of the policies `rand` and `augmix`, 0 to 30.
    pub aa_magnitude: f64,

    /// Updates after which the slow weights of Lookahead follow. Off: 0.
    pub lookahead: u32,
    /// Share of the way that they take then, in [0, 1]; read with `lookahead` only.
    pub lookahead_alpha: f64,
    /// Keep an exponential moving average of the weights; it is the model then. Off: false. timm: `--model-ema`.
    pub model_ema: bool,
    /// How much of that average each update keeps, in [0, 1); less at the beginning. timm: `--model-ema-decay`.
    pub model_ema_decay: f64,
    /// First epoch whose weights go into an equal average, which is the model from then on. Off: 0.
    pub swa_start: u32,
    /// Radius within which sharpness-aware minimisation looks for the highest loss, from 0. Off: 0.
    pub sam: f64,
    /// Updates of which one is sharpness-aware, from 1; read with sam only.
    pub sam_every: u32,

    /// Side of the training images in the first epoch, in whole pixels or, below 1, as a share of the full side; it grows
    /// to that over the run. Off: 0.
    pub progressive: f64,
    /// Epochs without a lower val loss after which the run ends. Off: 0.
    pub early_stop: u32,
    /// Views of each image that are averaged for a second figure at the end of the run. Off: `none`.
    pub tta: Tta,

    /// Moves initialisation, order, augmentation and dropout; below 2⁶³, as TOML's integers are. timm: `--seed`.
    pub seed: u64,
    /// Moves split, folds, fraction, probe and generated faces; below 2⁶³.
    pub data_seed: u64,
    /// Number of folds into which train and val are divided together, from 2; one of them is val. Off: absent.
    pub folds: Option<u32>,
    /// Index of the fold that is val, from 0, below `folds`.
    pub fold: Option<u32>,

    /// The learning rate's course: phases, one after the other, whose lengths add up to `epochs`.
    pub schedule: Vec<Phase>,
}

impl Default for Recipe {
    /// The reference recipe: cyclic for 20 epochs, then a tenth of the rate every 10, 50 in all.
    fn default() -> Self {
        let triangles =
            Curve::Cyclic { low: 0.02, high: 1.0, up: 2.0, down: 2.0, mode: CycleMode::Triangular, gamma: 1.0 };
        let flat = |factor| Phase { epochs: 10.0, curve: Curve::Constant { factor } };
        Self {
            model: "resnet20".into(),
            width: None,
            stem: None,
            stem_stride: 1,
            resnet_d: false,
            blur_pool: false,
            se: 0,
            whitening: false,
            zero_init_last: false,
            sync_bn: false,
            pretrained: None,
            freeze_until: FirstTrained::Conv1,
            layer_decay: 1.0,
            train_fraction: 1.0,
            img_size: None,
            in_chans: None,
            range_16bit: None,
            epochs: 50,
            batch_size: 128,
            opt: Opt::Sgd,
            lr: 0.05,
            momentum: 0.9,
            nesterov: false,
            weight_decay: 0.0,
            norm_decay: false,
            norm_bias_lr: 1.0,
            clip_grad: None,
            grad_accum_steps: 1,
            amp: false,
            amp_dtype: AmpDtype::Bfloat16,
            drop: 0.0,
            drop_path: 0.0,
            drop_block: 0.0,
            smoothing: 0.0,
            focal: 0.0,
            logit_adjust: 0.0,
            teacher: None,
            kd_average: false,
            kd_alpha: 0.5,
            kd_temperature: 4.0,
            mixup: 0.0,
            cutmix: 0.0,
            mixup_prob: 1.0,
            mixup_switch_prob: 0.5,
            mixup_off_epoch: 0,
            class_weights: ClassWeights::None,
            balanced_sampling: false,
            hflip: 0.0,
            hflip_alternate: false,
            vflip: 0.0,
            rotate: 0.0,
            translate: 0.0,
            zoom: [1.0, 1.0],
            scale: [1.0, 1.0],
            ratio: [0.75, 4.0 / 3.0],
            crop_pad: 0,
            train_crop: 0.0,
            border: Border::Reflect,
            color_jitter: Vec::new(),
            blur: 0.0,
            reprob: 0.0,
            aa: Aa::None,
            aa_ops: 2,
            aa_magnitude: 9.0,
            lookahead: 0,
            lookahead_alpha: 0.5,
            model_ema: false,
            model_ema_decay: 0.998,
            swa_start: 0,
            sam: 0.0,
            sam_every: 1,
            progressive: 0.0,
            early_stop: 0,
            tta: Tta::None,
            seed: 0,
            data_seed: 0,
            folds: None,
            fold: None,
            schedule: vec![Phase { epochs: 20.0, curve: triangles }, flat(0.1), flat(0.01), flat(0.001)],
        }
    }
}

impl Recipe {
    /// The recipe on a `share` (0 < share ≤ 1) of its training images, with as many updates: its phases, their cycles and steps are stretched, and
    /// what begins or ends at an epoch moves with them.
    ///
    /// # Errors
    /// No network has the recipe's `model` name.
    pub fn on_share(&self, share: f64) -> Result<Self> {
        let mut smaller = Self { train_fraction: self.train_fraction * share, ..self.clone() };
        let epochs = (f64::from(self.epochs) / share).round();
        let factor = epochs / f64::from(self.epochs);
        for phase in &mut smaller.schedule {
            phase.epochs *= factor;
            // As many updates as before: what counts these stays.
            phase.curve.stretch(|length| *length = tidy(*length * factor), 1.0);
        }
        for epoch in [&mut smaller.swa_start, &mut smaller.mixup_off_epoch, &mut smaller.early_stop] {
            *epoch = (f64::from(*epoch) * factor).round() as u32;
        }
        smaller.epochs = epochs as u32;
        smaller.complete()
    }

    /// Whether a `share` of `train` images is one batch or more.
    pub fn fills_batch(&self, train: usize, share: f64) -> bool {
        (train as f64 * share) as usize >= self.batch_size as usize
    }

    /// The recipe with its family's width and stem where it gives none.
    ///
    /// # Errors
    /// No network has the recipe's `model` name.
    pub fn complete(self) -> Result<Self> {
        let family = family(&self.model)?;
        Ok(Self {
            width: self.width.or(Some(family.default_width())),
            stem: self.stem.or(family.default_stem()),
            // An empty path and an infinite norm are the way to switch a file's or a preset's off: no gradient is
            // longer than infinity.
            pretrained: self.pretrained.filter(|path| !path.is_empty()),
            teacher: self.teacher.filter(|path| !path.is_empty()),
            clip_grad: self.clip_grad.filter(|limit| *limit != f64::INFINITY),
            ..self
        })
    }

    /// Lengthens a run to `epochs` by its last phase; the phases before it are not touched.
    ///
    /// A constant, step or cyclic phase simply continues. One that has an end (cosine, one-cycle, linear) is stretched,
    /// so that its rate is higher at the moment of extension than it was. So is the growth of `progressive`: images are smaller again at
    /// that moment.
    ///
    /// # Errors
    /// The recipe has as many epochs already, or no phase.
    pub fn extend(&mut self, epochs: u32) -> Result<()> {
        let added = epochs.saturating_sub(self.epochs);
        ensure!(added > 0, "epochs = {epochs} does not extend a run of {} epochs: give more", self.epochs);
        let Some(last) = self.schedule.last_mut() else {
            anyhow::bail!("the schedule is empty, so there is no phase to extend");
        };
        last.epochs += f64::from(added);
        self.epochs = epochs;
        Ok(())
    }

    /// The recipe as a TOML file that [`super::Layers::file`] reads.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("every field of a recipe has a TOML form")
    }
}

/// A value of our own as a TOML table.
pub(super) fn to_table(value: &impl Serialize) -> Table {
    Table::try_from(value).expect("our own structs have a TOML form")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::schedule::rate;

    #[test]
    fn extending_a_run_leaves_its_earlier_phases_alone() {
        let before = Recipe::default();
        let mut after = before.clone();
        after.extend(70).unwrap();
        assert_eq!((after.epochs, after.schedule[3].epochs), (70, 30.0));
        for step in 0..50 * 10 {
            assert_eq!(rate(&before, step, 10), rate(&after, step, 10));
        }
    }

    #[test]
    fn on_a_share_of_the_images_what_happens_at_an_epoch_moves_with_the_phases() {
        let recipe = Recipe { mixup: 0.2, mixup_off_epoch: 40, early_stop: 5, ..Recipe::default() };
        let smaller = recipe.on_share(0.25).unwrap();
        assert_eq!((smaller.epochs, smaller.schedule[0].epochs), (200, 80.0));
        assert_eq!((smaller.mixup_off_epoch, smaller.early_stop, smaller.swa_start), (160, 20, 0));
        // The rate takes the same course over as many updates.
        let step = |every, milestones| Curve::Step { factor: 1.0, decay: 0.1, every, milestones };
        for last in [step(Some(10.0), None), step(None, Some(vec![5.0, 20.0]))] {
            let mut recipe = recipe.clone();
            recipe.schedule.truncate(1);
            recipe.schedule.push(Phase { epochs: 30.0, curve: last });
            let smaller = recipe.on_share(0.25).unwrap();
            for update in (0..50 * 40).step_by(7) {
                let [whole, share] = [rate(&recipe, update, 40), rate(&smaller, update, 10)];
                assert!((whole - share).abs() <= 1e-9 * whole, "update {update}: {whole} and {share}");
            }
        }
    }

    #[test]
    fn a_run_is_not_extended_to_fewer_epochs() {
        let error = Recipe::default().extend(50).unwrap_err().to_string();
        assert!(error.contains("epochs = 50"), "{error}");
    }

    #[test]
    fn a_model_brings_its_familys_width_and_stem() {
        let complete = |model: &str| Recipe { model: model.into(), ..Recipe::default() }.complete().unwrap();
        assert_eq!((complete("resnet56").width, complete("resnet56").stem), (Some(16), None));
        assert_eq!((complete("resnet18").width, complete("resnet18").stem), (Some(64), Some(Stem::Imagenet)));
    }
}
