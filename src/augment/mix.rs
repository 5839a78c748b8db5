//! The random draws of `mixup` and `cutmix`: whether and how a batch is mixed.

use tch::Tensor;

use super::{
    ImageSize, Rect,
    cutmix::{cutmix, share_kept},
    mixup::mixup,
};
use crate::{
    random::{Purpose, Stream},
    recipe::Recipe,
    torch,
};

/// How the images of one batch are mixed.
#[derive(Clone, Debug, PartialEq)]
pub struct Mix {
    /// Partner of each image `[n]`: a random permutation of the indices in the batch.
    pub partner: Vec<i64>,
    /// The kind of mixing.
    pub kind: MixKind,
}

/// A kind of mixing with its parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MixKind {
    /// Mixup, with the share that each image keeps, in [0, 1].
    Blend(f64),
    /// CutMix, with the rectangle that comes from the partner.
    Cut(Rect),
}

impl Mix {
    /// Draws the mixing of batch `batch` (from 0) of `epoch` (from 1) with `n` images of `size`; None for a batch that is not
    /// mixed.
    pub fn draw(recipe: &Recipe, epoch: u32, batch: u32, n: usize, size: ImageSize) -> Option<Self> {
        let over = recipe.mixup_off_epoch > 0 && epoch > recipe.mixup_off_epoch;
        if !recipe.mixes() || over {
            return None;
        }
        let mut draws = Stream::new(recipe.seed, Purpose::Mix, epoch, batch);
        if draws.uniform() >= recipe.mixup_prob {
            return None;
        }
        let cuts = recipe.mixup == 0.0 || (recipe.cutmix > 0.0 && draws.uniform() < recipe.mixup_switch_prob);
        let share = draws.beta(if cuts { recipe.cutmix } else { recipe.mixup });
        let kind = if cuts {
            MixKind::Cut(Rect::around([draws.uniform(), draws.uniform()], share, size))
        } else {
            MixKind::Blend(share)
        };
        let mut partner: Vec<i64> = (0..n as i64).collect();
        draws.shuffle(&mut partner);
        Some(Self { partner, kind })
    }

    /// Mixes images `[n, c, h, w]` and their targets `[n, classes]`, float32 probabilities.
    pub fn apply(&self, images: &Tensor, targets: &Tensor) -> (Tensor, Tensor) {
        let partner = torch::sent(&Tensor::from_slice(&self.partner), images.device());
        match self.kind {
            MixKind::Blend(share) => (mixup(images, share, &partner), mixup(targets, share, &partner)),
            MixKind::Cut(rect) => {
                let share = share_kept(rect, ImageSize::of(images));
                (cutmix(images, rect, &partner), mixup(targets, share, &partner))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tch::Kind;

    use super::*;

    fn kinds(recipe: &Recipe, epoch: u32) -> [usize; 3] {
        let mut counts = [0; 3];
        for batch in 0..2000 {
            let mix = Mix::draw(recipe, epoch, batch, 4, ImageSize { height: 8, width: 8 });
            counts[mix.map_or(0, |mix| if matches!(mix.kind, MixKind::Blend(_)) { 1 } else { 2 })] += 1;
        }
        counts
    }

    #[test]
    fn batches_are_mixed_with_the_probability_and_until_the_last_epoch_of_mixing() {
        let both = Recipe { mixup: 0.2, cutmix: 1.0, mixup_prob: 0.5, mixup_switch_prob: 0.25, ..Recipe::default() };
        let [plain, blended, cut] = kinds(&both, 1);
        // 1,000, 750 and 250 are expected; five standard deviations are at most 112.
        assert!(plain.abs_diff(1000) < 112 && blended.abs_diff(750) < 109 && cut.abs_diff(250) < 74);
        let until = Recipe { mixup: 0.2, mixup_off_epoch: 3, ..Recipe::default() };
        assert_eq!((kinds(&until, 3), kinds(&until, 4)), ([0, 2000, 0], [2000, 0, 0]));
        assert_eq!(kinds(&Recipe { cutmix: 1.0, ..Recipe::default() }, 1), [0, 0, 2000]);
        assert_eq!(kinds(&Recipe::default(), 1), [2000, 0, 0]);
    }

    #[test]
    fn cutmix_weights_targets_by_area() {
        let images = Tensor::ones([2, 1, 4, 4], (Kind::Float, tch::Device::Cpu));
        let rect = Rect { top: 0, height: 2, left: 0, width: 2 };
        let mix = Mix { partner: vec![1, 0], kind: MixKind::Cut(rect) };
        let (_, targets) = mix.apply(&images, &Tensor::from_slice(&[2i64, 0]).one_hot(3).to_kind(Kind::Float));
        assert_eq!(targets, Tensor::from_slice(&[0.25f32, 0.0, 0.75, 0.75, 0.0, 0.25]).view([2, 3]));
    }
}
