//! How a data set is opened.

use std::{path::PathBuf, thread};

use super::{selection::Selection, splits::folds::Fold};

/// How a data set is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// Seed of all random draws about the data: the split, the fraction, the probe, the generated faces.
    pub data_seed: u64,
    /// The fold of a cross-validation that is val, drawn from train and val together; `None`: val is the source's, or a
    /// tenth of train.
    pub fold: Option<Fold>,
    /// Share of the training images of every class that is used, 0 < share ≤ 1.
    pub train_fraction: f64,
    /// Side of every image in pixels; `None`: the median shorter side of train, at most 224.
    pub img_size: Option<u32>,
    /// 1 (grey) or 3 (RGB); `None`: 1 if every image of train is grey by its header, else 3.
    pub in_chans: Option<u32>,
    /// The 16-bit values that become 0 and 255; `None`: the range in use in train and val.
    pub range_16bit: Option<[u16; 2]>,
    /// Whether files and rows that cannot be read are left out with a note; otherwise they are an error.
    pub skip_bad: bool,
    /// What of the source is read.
    pub selection: Selection,
    /// Bytes of pixels to keep in memory. Val, test and train, in this order, are kept if they fit; a split that does not
    /// fit is decoded again for every batch.
    pub cache_limit: u64,
    /// Number of threads that decode for each pass over a split that is not kept in memory, 0 for the reading thread
    /// alone; `None`: one per core.
    pub workers: Option<usize>,
    /// Folder that keeps decoded images for the next start, valid as long as no file changes; `None`: they are not kept.
    /// [`default_folder`](super::default_folder) is the user's own.
    pub decoded_folder: Option<PathBuf>,
    /// Whether near leaks are sought: images of val and test with a near-duplicate in train.
    pub near_leaks: bool,
    /// Bytes that `decoded_folder` may hold; the entries used longest ago are deleted first.
    pub decoded_limit: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            data_seed: 0,
            fold: None,
            train_fraction: 1.0,
            img_size: None,
            in_chans: None,
            range_16bit: None,
            skip_bad: false,
            selection: Selection::default(),
            cache_limit: 4 << 30,
            workers: None,
            near_leaks: true,
            decoded_folder: None,
            decoded_limit: 8 << 30,
        }
    }
}

impl Options {
    /// Number of decoding threads.
    pub(in crate::data) fn workers(&self) -> usize {
        self.workers.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from))
    }
}
