//! What the network sees of the training images: augmented, at the size of the epoch, perhaps mixed.

use std::ops::Range;

use tch::{Device, Tensor};

use crate::{
    augment::{Augment, AugmentSampler, BatchDraws, ImageSize, Mix, Normalize, resize},
    data::{Batch, Dataset},
    recipe::{Recipe, progressive},
};

/// A batch as the network sees it.
#[derive(Debug)]
pub(super) struct Example {
    /// `[n, c, h, w]`, float32.
    pub images: Tensor,
    /// Class numbers `[n]` (i64), or probabilities `[n, classes]` where images are mixed.
    pub targets: Tensor,
}

/// A batch of an epoch, and what is drawn for it.
#[derive(Debug)]
pub(super) struct TrainBatch {
    /// Its images as they are.
    pub batch: Batch,
    /// Its number in the epoch, from 0.
    pub number: u32,
    /// The numbers that augment its images.
    pub drawn: BatchDraws,
}

/// Draws what augments the training images of `data` under `recipe` on `device`.
pub(super) fn draw(recipe: &Recipe, data: &Dataset, device: Device) -> AugmentSampler {
    let side = i64::from(data.size);
    AugmentSampler::new(recipe, i64::from(data.channels), ImageSize { height: side, width: side }, device)
}

/// Makes examples of batches: a function of recipe, epoch and batch.
#[derive(Debug)]
pub(super) struct Examples {
    recipe: Recipe,
    augment: Augment,
    /// Full side of the images, in pixels.
    size: u32,
    classes: i64,
}

impl Examples {
    /// For the training images of `data`.
    pub fn new(recipe: &Recipe, data: &Dataset, normalize: &Normalize) -> Self {
        Self {
            recipe: recipe.clone(),
            augment: Augment::new(recipe, normalize),
            size: data.size,
            classes: data.classes.len() as i64,
        }
    }

    /// The example of a batch of `epoch` (from 1).
    pub fn example(&self, batch: &TrainBatch, epoch: u32) -> Example {
        let TrainBatch { batch, number, drawn } = batch;
        let images = self.images(batch, drawn, epoch);
        match Mix::draw(&self.recipe, epoch, *number, batch.positions.len(), ImageSize::of(&images)) {
            None => Example { images, targets: batch.labels.shallow_clone() },
            Some(mix) => {
                let (images, targets) = mix.apply(&images, &batch.labels, self.classes);
                Example { images, targets }
            }
        }
    }

    /// The example of rows `own` of a batch of `epoch`, where `batch` holds those and then, as [`Examples::rows`] says,
    /// whom they are mixed with.
    pub fn part(&self, batch: &TrainBatch, epoch: u32, own: Range<usize>) -> Example {
        let TrainBatch { batch, number, drawn } = batch;
        let rows = own.len() as i64;
        let images = self.images(batch, drawn, epoch);
        let Some(mix) = self.mix(epoch, *number) else {
            return Example { images: images.narrow(0, 0, rows), targets: batch.labels.narrow(0, 0, rows) };
        };
        // Row i here is mixed with row rows + i; what becomes of the latter is not looked at.
        let partner = (rows..2 * rows).chain(0..rows).collect();
        let (images, targets) = Mix { partner, ..mix }.apply(&images, &batch.labels, self.classes);
        Example { images: images.narrow(0, 0, rows), targets: targets.narrow(0, 0, rows) }
    }

    /// The rows of batch `number` of `epoch` that a rank needs, given its `own`: those, and in a recipe that mixes images
    /// as many again, whom they are mixed with (themselves where the batch stays plain).
    pub fn rows(&self, own: Range<usize>, epoch: u32, number: u32) -> Vec<usize> {
        let mut rows: Vec<usize> = own.clone().collect();
        if self.recipe.mixes() {
            match self.mix(epoch, number) {
                None => rows.extend(own),
                Some(mix) => rows.extend(mix.partner[own].iter().map(|&partner| partner as usize)),
            }
        }
        rows
    }

    /// How the whole batch `number` of `epoch` is mixed.
    fn mix(&self, epoch: u32, number: u32) -> Option<Mix> {
        let side = i64::from(progressive::size_at(&self.recipe, epoch, self.size));
        Mix::draw(&self.recipe, epoch, number, self.recipe.batch_size as usize, ImageSize { height: side, width: side })
    }

    /// The images alone, not yet mixed: `[n, c, h, w]`, float32.
    pub fn images(&self, batch: &Batch, drawn: &BatchDraws, epoch: u32) -> Tensor {
        let images = self.augment.apply(&batch.images, drawn);
        let side = progressive::size_at(&self.recipe, epoch, self.size);
        if side == self.size { images } else { resize(&images, side) }
    }
}
