//! How a data set is opened.

use std::{path::PathBuf, thread};

use super::splits::split_folders::SplitFolders;

/// How a data set is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// Seed of everything drawn about the data: the split, the fraction, the probe, the generated faces.
    pub data_seed: u64,
    /// Share of the training images of every class that is used, 0 < share ≤ 1.
    pub train_fraction: f64,
    /// Pixels across and down of every image; `None`: the median shorter side of train, at most 224.
    pub img_size: Option<u32>,
    /// 1 (grey) or 3 (RGB); `None`: 1 if every image of train is grey by its header, else 3.
    pub in_chans: Option<u32>,
    /// The values of 16-bit images that become 0 and 255; `None`: those in use in train and val.
    pub range_16bit: Option<[u16; 2]>,
    /// Leave out files and rows that cannot be read, with a note, instead of stopping.
    pub skip_bad: bool,
    /// Which folders are the splits, where the user says it.
    pub folders: SplitFolders,
    /// A list of samples that are left out as if they were not there, before any split is drawn.
    pub exclude: Option<PathBuf>,
    /// Bytes of pixels that are kept in memory. Val, test and train, in this order, are kept as long as they fit; what
    /// does not is decoded anew for every batch.
    pub cache_limit: u64,
    /// Threads that decode for each pass over a split that is not kept, 0 for none beside the reader; `None`: one per
    /// core.
    pub workers: Option<usize>,
    /// Where what was decoded is kept for the next start, and found again as long as no file has changed; `None`:
    /// nowhere. [`default_folder`](super::default_folder) is a user's own.
    pub decoded_folder: Option<PathBuf>,
    /// Bytes that this folder may hold; what was used longest ago makes room.
    pub decoded_limit: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            data_seed: 0,
            train_fraction: 1.0,
            img_size: None,
            in_chans: None,
            range_16bit: None,
            skip_bad: false,
            folders: SplitFolders::default(),
            exclude: None,
            cache_limit: 4 << 30,
            workers: None,
            decoded_folder: None,
            decoded_limit: 8 << 30,
        }
    }
}

impl Options {
    /// Threads that decode for each pass over a split that is not kept.
    pub(in crate::data) fn workers(&self) -> usize {
        self.workers.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from))
    }
}
