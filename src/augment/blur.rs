//! Gaussian blur, for `--blur`.
//!
//! | | |
//! |---|---|
//! | What | Blurs an image with the given probability, by a standard deviation drawn uniformly between 0.1 pixels and 1/112 of the side, at least 1. |
//! | When it helps | Images of different sharpness; networks that lean on texture. |
//! | Costs | Two passes over the images that are blurred. |
//! | Usual values | 0.1 to 0.5 |
//! | Reference | Chen et al. 2020, "A simple framework for contrastive learning of visual representations" (SimCLR), whose range this is at 224 pixels. |

use tch::Tensor;

use super::ImageSize;
use crate::{recipe::Recipe, torch};

const LEAST_SIGMA: f64 = 0.1;

/// Largest standard deviation in pixels for images of `size`.
pub(super) fn largest_sigma(size: ImageSize) -> f64 {
    (size.shorter() as f64 / 112.0).max(1.0)
}

/// Draws the standard deviation in pixels; 0 for an image that is not blurred.
pub(super) fn draw(recipe: &Recipe, size: ImageSize, [chance, share]: [f64; 2]) -> f64 {
    if chance < recipe.blur { sigma(size, share) } else { 0.0 }
}

/// The standard deviation at `share` of the way from the smallest to the largest one.
pub(super) fn sigma(size: ImageSize, share: f64) -> f64 {
    LEAST_SIGMA + (largest_sigma(size) - LEAST_SIGMA) * share
}

/// Blurs each of the float images `[n, c, h, w]` by its standard deviation in pixels; 0 leaves an image unchanged. The
/// border reflects about the centres of the outermost pixels, as in torchvision's `gaussian_blur`.
///
/// All kernels of a batch have the same length: two of the largest standard deviation on either side.
pub fn gaussian_blur(images: Tensor, sigmas: &[f64]) -> Tensor {
    match kernels(sigmas, ImageSize::of(&images)) {
        None => images,
        Some([index, kernels]) => {
            let [index, kernels] = [index, kernels].map(|tensor| torch::sent(&tensor, images.device()));
            blur_by(images, &index, &kernels)
        }
    }
}

/// [`gaussian_blur`] of the images at `index` with their [`kernels`], both on the images' device.
pub(super) fn blur_by(mut images: Tensor, index: &Tensor, kernels: &Tensor) -> Tensor {
    let (size, radius) = (ImageSize::of(&images), kernels.size()[1] / 2);
    let sharp = images.index_select(0, index);
    let shape = sharp.size();

    // One group per channel of each image, so that every image is convolved with its own kernel.
    let groups = shape[0] * shape[1];
    let kernels = kernels.repeat_interleave_self_int(shape[1], 0, groups);
    let along = |images: Tensor, kernels: Tensor| {
        images.conv2d(&kernels, None::<Tensor>, [1i64, 1], [0i64, 0], [1i64, 1], groups)
    };
    let padded =
        sharp.reflection_pad2d([radius; 4]).reshape([1, groups, size.height + 2 * radius, size.width + 2 * radius]);
    let rows = along(padded, kernels.view([groups, 1, 1, -1]));
    let soft = along(rows, kernels.view([groups, 1, -1, 1])).view(shape.as_slice());
    images.index_copy_(0, index, &soft)
}

/// Indices of the images of `size` that are blurred, `[m]` (i64), and their kernels `[m, 2 radius + 1]`, each of sum 1, on
/// the CPU. None if no image is blurred.
pub(super) fn kernels(sigmas: &[f64], size: ImageSize) -> Option<[Tensor; 2]> {
    let blurred: Vec<i64> = (0..).zip(sigmas).filter(|(_, sigma)| **sigma > 0.0).map(|(image, _)| image).collect();
    if blurred.is_empty() {
        return None;
    }
    let radius = ((2.0 * largest_sigma(size)).ceil() as i64).min(size.shorter() - 1);
    let bell = |sigma: f64| {
        let height = move |distance: i64| (-0.5 * (distance as f64 / sigma).powi(2)).exp();
        let sum: f64 = (-radius..=radius).map(height).sum();
        (-radius..=radius).map(move |distance| (height(distance) / sum) as f32)
    };
    let values: Vec<f32> = sigmas.iter().copied().filter(|sigma| *sigma > 0.0).flat_map(bell).collect();
    Some([Tensor::from_slice(&blurred), Tensor::from_slice(&values).view([-1, 2 * radius + 1])])
}
