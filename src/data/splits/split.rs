//! One split of a data set.

use std::{cell::RefCell, path::Path, sync::Arc};

use tch::Tensor;

use crate::data::{
    decoding::shape::Shape,
    sources::{exclude, listing, source::Source},
};

/// The images of one split, their labels and hashes. A *position* is an index in these lists.
pub struct Split {
    /// Sample ids `[n]`: indices in the split's full sorted listing. They stay the same when fewer images are in use.
    pub ids: Vec<u32>,
    /// Class of each image `[n]`: an index in [`Dataset::classes`](crate::data::Dataset::classes).
    pub labels: Vec<u32>,
    /// Hash of each image's decoded pixels `[n]`, before resizing: equal for twins.
    pub hashes: Vec<u128>,
    pub(in crate::data) source: Arc<Source>,
    pub(in crate::data) shape: Shape,
    pub(in crate::data) pixels: Pixels,
}

/// Where a split's pixels are.
pub enum Pixels {
    /// In one tensor `[n, c, h, w]`, u8. It moves to the device that asks for batches.
    Resident(RefCell<Tensor>),
    /// In the source, decoded anew for every batch.
    Streamed {
        /// Threads that decode; with 0 the reader does it itself.
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

    /// How many images each of `classes` classes has.
    pub fn class_counts(&self, classes: usize) -> Vec<usize> {
        listing::count(&self.labels, classes)
    }

    /// The image at `position` for a message: its quoted path, or the line of its table.
    pub fn name(&self, position: u32) -> String {
        self.source.name(self.ids[position as usize])
    }

    /// The image at `position` as a list for `--exclude` names it: its path below `root`, the folder of the data, or
    /// `line 17`, or `val face 17`. Bytes that cannot stand in a line are written `\xNN`.
    pub fn key(&self, position: u32, root: &Path) -> String {
        exclude::escape(&self.source.key(self.ids[position as usize], root))
    }

    /// Whether the pixels are decoded anew for every batch, since they do not fit the cache.
    pub fn is_streamed(&self) -> bool {
        matches!(self.pixels, Pixels::Streamed { .. })
    }
}
