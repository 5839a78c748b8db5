//! What the network sees of the training images: augmented, at the size of the epoch, perhaps mixed.

use std::ops::Range;

use tch::{Device, Kind, Tensor};

use crate::{
    augment::{Augment, AugmentSampler, BatchDraws, ImageSize, Mix, Normalize, resize},
    data::{Batch, Dataset, SoftLabels},
    recipe::{Recipe, progressive, train_crop},
    torch,
};

/// A batch as the network sees it.
#[derive(Debug)]
pub(super) struct Example {
    /// `[n, c, h, w]`, float32.
    pub images: Tensor,
    /// Class numbers `[n]` (i64), or probabilities `[n, classes]` where images are mixed or have soft labels.
    pub targets: Tensor,
}

/// A batch of an epoch, with its random draws.
#[derive(Debug)]
pub(super) struct TrainBatch {
    /// The images before augmentation.
    pub batch: Batch,
    /// The number of the batch in the epoch, from 0.
    pub number: u32,
    /// The random numbers that augment the images.
    pub drawn: BatchDraws,
}

/// A sampler of the random numbers that augment the training images of `data` under `recipe`, for `device`.
pub(super) fn draw(recipe: &Recipe, data: &Dataset, device: Device) -> AugmentSampler {
    let side = i64::from(data.size);
    AugmentSampler::new(recipe, i64::from(data.channels), ImageSize { height: side, width: side }, device)
}

/// Makes examples of batches, as a function of recipe, epoch and batch.
#[derive(Debug)]
pub(super) struct Examples {
    recipe: Recipe,
    augment: Augment,
    /// Full side of the images, in pixels.
    size: u32,
    classes: i64,
    /// Soft labels and labels of the training images, where they have soft ones.
    soft: Option<(SoftLabels, Vec<u32>)>,
    /// The rows of each batch that this rank trains on; all of them on one rank.
    pub own: Range<usize>,
}

impl Examples {
    /// Makes examples of whole batches of the training images of `data`.
    pub fn new(recipe: &Recipe, data: &Dataset, normalize: &Normalize) -> Self {
        Self {
            recipe: recipe.clone(),
            augment: Augment::new(recipe, normalize),
            size: data.size,
            classes: data.classes.len() as i64,
            soft: data.train.soft.clone().map(|soft| (soft, data.train.labels.clone())),
            own: 0..recipe.batch_size as usize,
        }
    }

    fn is_whole_batch(&self) -> bool {
        self.own.len() == self.recipe.batch_size as usize
    }

    /// The rows of batch `number` of `epoch` (from 1) that this rank needs. In a recipe that mixes images, a rank with a
    /// part of each batch also needs the partners of its own rows. Every batch has the same number of rows: in one that
    /// is not mixed, the own rows are repeated in place of the partners.
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

    /// The example of a batch of `epoch` (from 1). The batch must hold the rows that [`Self::rows`] returns.
    pub fn example(&self, batch: &TrainBatch, epoch: u32) -> Example {
        let TrainBatch { batch, number, drawn } = batch;
        let images = self.images(batch, drawn, epoch);
        let mix = self.mix(epoch, *number);
        let targets = self.targets(batch);
        let (images, targets) = match mix {
            None => (images, targets),
            Some(mix) if self.is_whole_batch() => mix.apply(&images, &self.probabilities(&targets)),
            Some(mix) => {
                // The partner of row i is row own + i. The mixed partners themselves are dropped below.
                let own = self.own.len() as i64;
                let partner = (own..2 * own).chain(0..own).collect();
                Mix { partner, ..mix }.apply(&images, &self.probabilities(&targets))
            }
        };
        if self.is_whole_batch() {
            return Example { images, targets };
        }
        let own = self.own.len() as i64;
        Example { images: images.narrow(0, 0, own), targets: targets.narrow(0, 0, own) }
    }

    /// What the network is asked for: class numbers `[n]` or, where images have soft labels, probabilities `[n, classes]`.
    fn targets(&self, batch: &Batch) -> Tensor {
        let Some((soft, labels)) = &self.soft else { return batch.labels.shallow_clone() };
        let probabilities = Tensor::from_slice(&soft.of(&batch.positions, labels)).view([-1, self.classes]);
        torch::sent(&probabilities, batch.images.device())
    }

    /// Targets as probabilities `[n, classes]`.
    fn probabilities(&self, targets: &Tensor) -> Tensor {
        if targets.dim() == 2 { targets.shallow_clone() } else { targets.one_hot(self.classes).to_kind(Kind::Float) }
    }

    /// How the whole batch `number` of `epoch` is mixed.
    fn mix(&self, epoch: u32, number: u32) -> Option<Mix> {
        let side = progressive::size_at(&self.recipe, epoch, train_crop::side(&self.recipe, self.size)).into();
        Mix::draw(&self.recipe, epoch, number, self.recipe.batch_size as usize, ImageSize { height: side, width: side })
    }

    /// The augmented images of a batch before mixing: `[n, c, h, w]`, float32.
    pub fn images(&self, batch: &Batch, drawn: &BatchDraws, epoch: u32) -> Tensor {
        let images = self.augment.apply(&batch.images, drawn);
        let side = progressive::size_at(&self.recipe, epoch, self.size);
        if side == self.size { images } else { resize(&images, side) }
    }
}
