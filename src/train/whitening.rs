//! The images from which the layer that whitens patches is computed.

use anyhow::Result;
use tch::Tensor;

use crate::{augment::Normalize, data::Split, model::ResNet, torch};

/// Pixels of the images, about.
const PIXELS: usize = 1_000_000;
/// The most images.
const MOST: usize = 1_024;

/// Computes the filters of `model`'s whitening layer from training images that lie evenly over `split`, so that all classes take
/// part.
/// Fails if an image cannot be read, and on an exception of libtorch.
pub(super) fn start(model: &ResNet, normalize: &Normalize, split: &Split, side: u32) -> Result<()> {
    let count = (PIXELS / (side * side) as usize).clamp(1, MOST).min(split.len());
    let positions = (0..count).map(|number| (number * split.len() / count) as u32).collect();
    let mut images = Vec::new();
    for batch in split.batches(positions, count, model.parameters.device()) {
        images.push(normalize.forward(&batch?.images));
    }
    torch::catch(|| {
        model.set_whitening(&Tensor::cat(&images, 0));
        Ok(())
    })
}
