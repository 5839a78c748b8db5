//! What the network sees of the training images: augmented, at the size of the epoch, perhaps mixed.

use std::ops::Range;

use tch::Tensor;

use crate::{
    augment::{Augment, Mix, Normalize, Size, resize},
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

/// Makes examples of batches: a function of recipe, epoch and batch.
#[derive(Debug)]
pub(super) struct Examples {
    recipe: Recipe,
    augment: Augment,
    /// Sample id of each training image.
    ids: Vec<u32>,
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
            ids: data.train.ids.clone(),
            size: data.size,
            classes: data.classes.len() as i64,
        }
    }

    /// The example of batch `number` (from 0) of `epoch` (from 1). `repeats` says how often the epoch has shown each of
    /// its images before.
    pub fn example(&self, batch: &Batch, repeats: &[u32], epoch: u32, number: u32) -> Example {
        let images = self.images(batch, repeats, epoch);
        match Mix::draw(&self.recipe, epoch, number, batch.positions.len(), Size::of(&images)) {
            None => Example { images, targets: batch.labels.shallow_clone() },
            Some(mix) => {
                let (images, targets) = mix.apply(&images, &batch.labels, self.classes);
                Example { images, targets }
            }
        }
    }

    /// The example of rows `own` of batch `number`, where `batch` holds those and then, as [`Examples::rows`] says,
    /// whom they are mixed with.
    pub fn part(&self, batch: &Batch, repeats: &[u32], epoch: u32, number: u32, own: Range<usize>) -> Example {
        let rows = own.len() as i64;
        let images = self.images(batch, repeats, epoch);
        let Some(mix) = self.mix(epoch, number) else {
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
        Mix::draw(&self.recipe, epoch, number, self.recipe.batch_size as usize, Size { height: side, width: side })
    }

    /// The images alone, not yet mixed: `[n, c, h, w]`, float32.
    pub fn images(&self, batch: &Batch, repeats: &[u32], epoch: u32) -> Tensor {
        let ids: Vec<u32> = batch.positions.iter().map(|&position| self.ids[position as usize]).collect();
        let images = self.augment.forward_repeated(&batch.images, epoch, &ids, repeats);
        let side = progressive::size_at(&self.recipe, epoch, self.size);
        if side == self.size { images } else { resize(&images, side) }
    }
}
