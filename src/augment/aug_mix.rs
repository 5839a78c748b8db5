//! AugMix, for `--aa augmix` with `--aa-magnitude`.
//!
//! | | |
//! |---|---|
//! | What | Mixes each image with three copies of it. A copy goes through one to three operations, each drawn uniformly from the fourteen of TrivialAugment except nothing, at a strength drawn up to `aa_magnitude`. The image's share is uniform, the copies divide the rest at random. It comes on top of the other knobs. |
//! | When it helps | Where images in use are blurred, noisy or badly lit in ways that the training images are not. Milder than RandAugment: every image keeps a share of itself. |
//! | Costs | Three more resamplings of each image, with the passes of their operations. |
//! | Usual values | magnitude 9 of 30, the paper's severity 3 of 10 |
//! | Reference | Hendrycks et al. 2020, "AugMix: a simple data processing method to improve robustness and uncertainty", without its consistency loss, which shows each image to the network three times; the operations and ranges of torchvision's `AugMix`, except that shears are about the centre, that operations are done in the order of the pipeline (geometry, colours, tones; a tone drawn twice acts once), and that the border and the resampling are those of the other knobs. timm: `--aa augmix-m3-w3`. |

use tch::Tensor;

use super::{
    AugmentDraws, ImageSize,
    operation::{self, Strength, Strongest},
};
use crate::{
    random::Stream,
    recipe::{Aa, Recipe},
};

/// Copies that are mixed with an image.
const COPIES: usize = 3;
/// The most operations of a copy.
const MOST_OPERATIONS: u32 = 3;
/// The smallest strength, as a share of the largest.
const WEAKEST: f64 = 0.01;

/// The copies of an image, and the shares of the image and of each copy, which add up to 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Copies {
    pub changes: [AugmentDraws; COPIES],
    pub shares: [f64; 1 + COPIES],
}

/// Draws the copies of an image that the other knobs change by `image`.
pub(super) fn draw(
    recipe: &Recipe,
    image: AugmentDraws,
    channels: i64,
    size: ImageSize,
    stream: &mut Stream,
) -> Copies {
    let strongest = Strongest {
        shear: 0.3,
        shift: operation::shift(size, 1.0 / 3.0, f64::INFINITY),
        angle: 30.0,
        factor: 0.9,
        kept: 4.0,
        bits: 4.0,
    };
    let most = WEAKEST.max(recipe.aa_magnitude / Aa::FULL_MAGNITUDE);
    let changes = std::array::from_fn(|_| {
        let mut copy = image;
        for _ in 0..=stream.below(MOST_OPERATIONS) {
            let place = operation::other_than_nothing(channels, stream.uniform());
            let share = stream.range(WEAKEST, most);
            let signed = if stream.uniform() < 0.5 { -share } else { share };
            operation::add(&mut copy, channels, place, Strength { signed, share }, &strongest);
        }
        copy
    });
    let kept = stream.uniform();
    // Exponential variates, divided by their sum, are uniform among all shares (Dirichlet with 1).
    let parts: [f64; COPIES] = std::array::from_fn(|_| -(1.0 - stream.uniform()).ln());
    let rest = (1.0 - kept) / parts.iter().sum::<f64>().max(f64::MIN_POSITIVE);
    let [first, second, third] = parts.map(|part| part * rest);
    Copies { changes, shares: [kept, first, second, third] }
}

/// The changes of all images' first copies, second copies and third copies.
pub(super) fn changes(copies: &[Copies]) -> [Vec<AugmentDraws>; COPIES] {
    std::array::from_fn(|of| copies.iter().map(|copies| copies.changes[of]).collect())
}

/// The shares of all images, float32 `[n, 4]`, on the CPU.
pub(super) fn shares(copies: &[Copies]) -> Tensor {
    let shares: Vec<f32> = copies.iter().flat_map(|copies| copies.shares).map(|share| share as f32).collect();
    Tensor::from_slice(&shares).view([-1, 1 + COPIES as i64])
}

/// Mixes float images `[n, c, h, w]` with their copies of the same shape by `shares`, `[n, 4]` on the same device.
pub(super) fn mixed(images: &Tensor, copies: &[Tensor], shares: &Tensor) -> Tensor {
    let share = |of: i64| shares.select(1, of).view([-1, 1, 1, 1]);
    let mut sum = images * share(0);
    for (of, copy) in (1..).zip(copies) {
        sum += copy * share(of);
    }
    sum
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;
    use crate::{
        augment::{Augment, Map, Normalize},
        random::Purpose,
    };

    const SIZE: ImageSize = ImageSize { height: 30, width: 60 };

    fn recipe() -> Recipe {
        Recipe { aa: Aa::AugMix, ..Recipe::default() }
    }

    fn copies(recipe: &Recipe) -> Vec<Copies> {
        let draw = |id| {
            let image = AugmentDraws::new(recipe, 1, SIZE, &mut Stream::new(0, Purpose::Augment, 1, id));
            draw(recipe, image, 1, SIZE, &mut Stream::new(0, Purpose::AugMix, 1, id))
        };
        (0..3000).map(draw).collect()
    }

    #[test]
    fn shares_are_uniform_and_add_up_to_one() {
        let copies = copies(&recipe());
        assert!(copies.iter().all(|copies| (copies.shares.iter().sum::<f64>() - 1.0).abs() < 1e-12));
        // Uniform numbers have mean 1/2 and variance 1/12; the mean of 3,000 of them is within 0.027 by five standard errors.
        let mean = |of: usize| copies.iter().map(|copies| copies.shares[of]).sum::<f64>() / 3000.0;
        assert!((mean(0) - 0.5).abs() < 0.027, "{}", mean(0));
        for copy in 1..=COPIES {
            // Each copy has a third of the rest.
            assert!((mean(copy) - 1.0 / 6.0).abs() < 0.02, "{}", mean(copy));
        }
    }

    #[test]
    fn copies_differ_and_no_operation_exceeds_the_recipes_strength() {
        let size = Map::identity(SIZE);
        for magnitude in [9.0, 30.0] {
            let share = magnitude / Aa::FULL_MAGNITUDE;
            let copies = copies(&Recipe { aa_magnitude: magnitude, ..recipe() });
            let changes: Vec<&AugmentDraws> = copies.iter().flat_map(|copies| &copies.changes).collect();
            // Three operations may add up.
            let turned = |draws: &AugmentDraws| draws.map.angle.abs();
            let most = changes.iter().map(|draws| turned(draws)).fold(0.0, f64::max);
            assert!(most > 30.0 * share * 0.95 && most <= 90.0 * share, "{most}");
            let shifts = changes.iter().filter(|draws| draws.map.shift != size.shift).count();
            // Two operations in one copy on average, of which a sixth shift: 1 − (1 − 1/6)^k over k = 1, 2, 3.
            let expected = (3.0 - 5.0 / 6.0 - (5.0_f64 / 6.0).powi(2) - (5.0_f64 / 6.0).powi(3)) / 3.0;
            let off = shifts as f64 / changes.len() as f64 - expected;
            assert!(off.abs() < 0.025, "{off}");
            let kept = changes.iter().filter_map(|draws| draws.tone.posterize).min().unwrap();
            assert_eq!(kept, if magnitude == 9.0 { 3 } else { 0 });
            // Only operations without a strength, such as equalize, can make two copies alike.
            let alike = copies.iter().filter(|copies| copies.changes[0] == copies.changes[1]).count();
            assert!(alike < 60, "{alike} of 3,000");
        }
    }

    #[test]
    fn an_image_is_mixed_with_its_copies() {
        let images = Tensor::from_slice(&[1.0_f32, 2.0]).view([2, 1, 1, 1]);
        let copies = [10.0, 100.0, 1000.0].map(|factor| &images * factor);
        let shares = Tensor::from_slice(&[0.4_f32, 0.3, 0.2, 0.1, 1.0, 0.0, 0.0, 0.0]).view([2, 4]);
        let mixed: Vec<f32> = mixed(&images, &copies, &shares).view([-1]).try_into().unwrap();
        assert!((mixed[0] - 123.4).abs() < 1e-3 && mixed[1] == 2.0, "{mixed:?}");

        // The result is a function of the image and its id, not of its batch.
        let normalize = Normalize::new(&[0.5], &[0.25], Device::Cpu);
        let augment = Augment::new(&Recipe { rotate: 10.0, blur: 0.5, ..recipe() }, &normalize);
        let pixels: Vec<u8> = (0..3 * 16 * 16).map(|i| (i * 37 % 251) as u8).collect();
        let images = Tensor::from_slice(&pixels).view([3, 1, 16, 16]);
        let together = augment.forward(&images, 1, &[4, 5, 6]);
        let alone = augment.forward(&images.narrow(0, 2, 1), 1, &[6]);
        assert!(together.narrow(0, 2, 1).allclose(&alone, 1e-5, 1e-5, false));
        assert!(!together.allclose(&augment.forward(&images, 2, &[4, 5, 6]), 0.1, 0.1, false));
        assert!(together.abs().max().double_value(&[]) < 2.0001);
    }
}
