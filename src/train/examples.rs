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
    /// The rows of each batch that this rank trains on; all of them on one rank.
    pub own: Range<usize>,
}

impl Examples {
    /// Examples of the training images of `data`, of whole batches.
    pub fn new(recipe: &Recipe, data: &Dataset, normalize: &Normalize) -> Self {
        Self {
            recipe: recipe.clone(),
            augment: Augment::new(recipe, normalize),
            size: data.size,
            classes: data.classes.len() as i64,
            own: 0..recipe.batch_size as usize,
        }
    }

    fn is_whole_batch(&self) -> bool {
        self.own.len() == self.recipe.batch_size as usize
    }

    /// The rows of batch `number` of `epoch` (from 1) that this rank needs: its own and, in a recipe that mixes images,
    /// the partners that its own are mixed with, as many again (its own once more where this batch is not mixed). Of a
    /// whole batch all partners are there already.
    pub fn rows(&self, epoch: u32, number: u32) -> Vec<usize> {
        let mut rows: Vec<usize> = self.own.clone().collect();
        if self.recipe.mixes() && !self.is_whole_batch() {
            match self.mix(epoch, number) {
                None => rows.extend(self.own.clone()),
                Some(mix) => rows.extend(mix.partner[self.own.clone()].iter().map(|&partner| partner as usize)),
            }
        }
        rows
    }

    /// The example of a batch of `epoch` (from 1) that holds the rows of [`Self::rows`].
    pub fn example(&self, batch: &TrainBatch, epoch: u32) -> Example {
        let TrainBatch { batch, number, drawn } = batch;
        let images = self.images(batch, drawn, epoch);
        let mix = self.mix(epoch, *number);
        let (images, targets) = match mix {
            None => (images, batch.labels.shallow_clone()),
            Some(mix) if self.is_whole_batch() => mix.apply(&images, &batch.labels, self.classes),
            Some(mix) => {
                // Row i is mixed with row own + i; the mixed partners themselves are dropped below.
                let own = self.own.len() as i64;
                let partner = (own..2 * own).chain(0..own).collect();
                Mix { partner, ..mix }.apply(&images, &batch.labels, self.classes)
            }
        };
        if self.is_whole_batch() {
            return Example { images, targets };
        }
        let own = self.own.len() as i64;
        Example { images: images.narrow(0, 0, own), targets: targets.narrow(0, 0, own) }
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
