//! The recipe itself: one field per key.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use super::{Curve, CycleMode, Opt, Phase, Stem, family};

/// Every number that determines a run, apart from the data.
///
/// Device, threads and versions decide the last bits of a run, not its meaning, and stand elsewhere. The default is the
/// origin's recipe, preset `seed`. Field names are the keys of recipe files; flags carry the same names with hyphens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recipe {
    /// Name of the network, one of [`super::MODELS`]. timm: `--model`.
    pub model: String,
    /// Channels of the first stage, from 1; later stages are multiples of it. Absent: the family's own, 16 or 64.
    pub width: Option<u32>,
    /// First layers of the ImageNet family. Absent: `imagenet`. The CIFAR family has its one stem and takes no such
    /// key.
    pub stem: Option<Stem>,
    /// Stride of a 3×3 stem: 1, 2 or 4. Stride 2 leaves a quarter of the work. The ImageNet stem takes 1 only.
    pub stem_stride: u32,
    /// Start the last norm of each residual block at zero, so that each block starts as the identity. Off: false. timm:
    /// `--zero-init-last`.
    pub zero_init_last: bool,

    /// Share of the training images that is used, in (0, 1], drawn within each class by `data_seed`. All: 1.
    pub train_fraction: f64,
    /// Side of the square images that the network sees, in pixels. Absent: the data decide. timm: `--img-size`.
    pub img_size: Option<u32>,
    /// Channels of the images: 1 (grey) or 3 (RGB). Absent: the data decide. timm: `--in-chans`.
    pub in_chans: Option<u32>,

    /// Passes over the training images, from 1. timm: `--epochs`.
    pub epochs: u32,
    /// Images per batch, from 1. timm: `--batch-size`.
    pub batch_size: u32,

    /// The optimiser. timm: `--opt`.
    pub opt: Opt,
    /// Peak learning rate, above 0; the schedule gives factors of it. timm: `--lr`.
    pub lr: f64,
    /// Momentum of SGD, in [0, 1); AdamW does not read it. Off: 0. timm: `--momentum`.
    pub momentum: f64,
    /// Nesterov's momentum, with SGD only. Off: false.
    pub nesterov: bool,
    /// Weight decay, from 0: added to the gradient by SGD, decoupled in AdamW. Off: 0. timm: `--weight-decay`.
    pub weight_decay: f64,
    /// Let weight decay reach norms and biases too. Off: false, they are spared.
    pub norm_decay: bool,
    /// Largest norm of the gradient over all weights; longer ones are shortened to it. Off: absent (or `inf`). timm:
    /// `--clip-grad`.
    pub clip_grad: Option<f64>,
    /// Batches whose gradients are averaged for one step of the optimiser, from 1. Off: 1. timm: `--grad-accum-steps`.
    pub grad_accum_steps: u32,

    /// Moves initialisation, order, augmentation and dropout; below 2⁶³, as TOML's integers are. timm: `--seed`.
    pub seed: u64,
    /// Moves split, fraction, probe and generated faces; below 2⁶³.
    pub data_seed: u64,

    /// The learning rate's course: phases, one after the other, whose lengths add up to `epochs`.
    pub schedule: Vec<Phase>,
}

impl Default for Recipe {
    /// The origin's recipe: cyclic for 20 epochs, then a tenth of the rate every 10, 50 in all.
    fn default() -> Self {
        let triangles =
            Curve::Cyclic { low: 0.02, high: 1.0, up: 2.0, down: 2.0, mode: CycleMode::Triangular, gamma: 1.0 };
        let flat = |factor| Phase { epochs: 10.0, curve: Curve::Constant { factor } };
        Self {
            model: "resnet20".into(),
            width: None,
            stem: None,
            stem_stride: 1,
            zero_init_last: false,
            train_fraction: 1.0,
            img_size: None,
            in_chans: None,
            epochs: 50,
            batch_size: 128,
            opt: Opt::Sgd,
            lr: 0.05,
            momentum: 0.9,
            nesterov: false,
            weight_decay: 0.0,
            norm_decay: false,
            clip_grad: None,
            grad_accum_steps: 1,
            seed: 0,
            data_seed: 0,
            schedule: vec![Phase { epochs: 20.0, curve: triangles }, flat(0.1), flat(0.01), flat(0.001)],
        }
    }
}

impl Recipe {
    /// A recipe with every optional key present: what a layer may hold, by name and type. A new optional key is added
    /// here.
    pub(super) fn with_every_key() -> Self {
        Self {
            width: Some(16),
            stem: Some(Stem::Imagenet),
            img_size: Some(48),
            in_chans: Some(1),
            clip_grad: Some(1.0),
            ..Self::default()
        }
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
            // No gradient is longer than infinity: the way to switch a preset's clipping off.
            clip_grad: self.clip_grad.filter(|limit| *limit != f64::INFINITY),
            ..self
        })
    }

    /// Lengthens a run to `epochs` by its last phase; the phases before it are not touched.
    ///
    /// A constant, step or cyclic phase simply goes on. One that has an end (cosine, one-cycle, warmup) is stretched,
    /// so that its rate stands higher at the moment of extension than it did.
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
    fn a_run_is_not_extended_to_fewer_epochs() {
        let error = Recipe::default().extend(50).unwrap_err().to_string();
        assert!(error.contains("epochs = 50"), "{error}");
    }

    #[test]
    fn no_optional_key_is_forgotten_among_those_that_a_layer_may_hold() {
        let json = serde_json::to_value(Recipe::with_every_key()).unwrap();
        let absent: Vec<_> = json.as_object().unwrap().iter().filter(|(_, value)| value.is_null()).collect();
        assert!(absent.is_empty(), "add to with_every_key: {absent:?}");
    }

    #[test]
    fn a_model_brings_its_familys_width_and_stem() {
        let complete = |model: &str| Recipe { model: model.into(), ..Recipe::default() }.complete().unwrap();
        assert_eq!((complete("resnet56").width, complete("resnet56").stem), (Some(16), None));
        assert_eq!((complete("resnet18").width, complete("resnet18").stem), (Some(64), Some(Stem::Imagenet)));
    }
}
