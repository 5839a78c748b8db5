//! One split of a data set.

use std::{cell::RefCell, path::Path, sync::Arc};

use anyhow::{Context, Result};
use rayon::prelude::*;
use tch::Tensor;

use crate::data::{
    decoding::{hash, shape::Shape, sixteen_bit::Range},
    sources::{exclude, listing, soft_labels::SoftLabels, source::Source},
};

/// The images of one split with their labels and hashes. A *position* is an index into these lists.
pub struct Split {
    /// Sample ids `[n]`: indices into the split's full sorted listing. They do not change when fewer images are in use.
    pub ids: Vec<u32>,
    /// Class of each image `[n]`: an index into [`Dataset::classes`](crate::data::Dataset::classes).
    pub labels: Vec<u32>,
    /// Hash of each image's decoded pixels `[n]`, before resizing: equal for duplicates.
    pub hashes: Vec<u128>,
    /// Group of each image `[n]`, an index into [`Dataset::groups`](crate::data::Dataset::groups), where the images have
    /// groups.
    pub groups: Option<Vec<u32>>,
    /// Soft labels, where these are training images that have them.
    pub soft: Option<SoftLabels>,
    pub(in crate::data) source: Arc<Source>,
    pub(in crate::data) shape: Shape,
    pub(in crate::data) pixels: Pixels,
}

/// Storage of a split's pixels.
pub enum Pixels {
    /// One tensor `[n, c, h, w]`, u8. It moves to the device that asks for batches.
    Resident(RefCell<Tensor>),
    /// The source, which decodes the images again for every batch.
    Streamed {
        /// Number of decoding threads; with 0 the reading thread decodes.
        workers: usize,
    },
}

impl Split {
    /// Number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Always false for the splits of an opened data set.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Number of images in each of `classes` classes.
    pub fn class_counts(&self, classes: usize) -> Vec<usize> {
        listing::count(&self.labels, classes)
    }

    /// Label and hash of each image.
    pub(in crate::data) fn labels_and_hashes(&self) -> impl ExactSizeIterator<Item = (u32, u128)> {
        self.labels.iter().copied().zip(self.hashes.iter().copied())
    }

    /// Names the image at `position` in a message: its quoted path, or the line of its table.
    pub fn name(&self, position: u32) -> String {
        self.source.name(self.ids[position as usize])
    }

    /// Names the image at `position` in a list of samples to exclude: its path below `root`, the folder of the data, or
    /// `line 17`, or `val face 17`. Bytes that a line cannot contain are written `\xNN`.
    pub fn key(&self, position: u32, root: &Path) -> String {
        exclude::escape(&self.source.key(self.ids[position as usize], root))
    }

    /// Hash of each image's decoded pixels `[n]`, in the channels that its file has and without a scaling of 16-bit values.
    /// Unlike [`hashes`](Self::hashes) they do not depend on the channels or the range that a model takes. Every image is
    /// decoded again.
    ///
    /// # Errors
    /// An image can no longer be read; the message names it.
    pub fn original_hashes(&self) -> Result<Vec<u128>> {
        let unscaled = self.source.in_range(Range::FULL).map_or_else(|| Arc::clone(&self.source), Arc::new);
        let hash_of = |&id: &u32| {
            let stored = unscaled.stored(id).with_context(|| format!("{} cannot be read", unscaled.name(id)))?;
            Ok(hash::pixels(&stored.image))
        };
        self.ids.par_iter().map(hash_of).collect()
    }

    /// Whether the pixels are decoded again for every batch because they do not fit the cache.
    pub fn is_streamed(&self) -> bool {
        matches!(self.pixels, Pixels::Streamed { .. })
    }
}
