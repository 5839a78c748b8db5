//! Images and labels: where they come from and how they reach the device.
//!
//! `open` (`dataset`) reads a source in six steps:
//!
//! 1. List the samples (`sources`): a folder (`sources::image_folder`), a table (`sources::table`) or generated faces
//!    (`sources::faces`) gives a `Listing`, without the samples that the user excludes (`sources::exclude`).
//! 2. Settle the splits (`list_splits`, `splits`): draw a tenth for val where there is no val split, and the fraction of train in use.
//! 3. Choose the shape that every image gets (`decoding::shape`).
//! 4. Read every image once (`decoding`): decode it, hash its pixels, resize it, and keep it if it fits the cache.
//! 5. Report what cannot be read, or leave it out.
//! 6. Find the near leaks (`near_leaks`), and return a [`Dataset`].
//!
//! Training then takes [`Batch`]es from each [`Split`] (`streaming`). A split too large for the cache is decoded again in
//! every epoch, in the same order and to the same bytes.
//!
//! Three other ways in:
//!
//! - [`open_single_split`] opens one split without train, to measure a model on (`splits::single_split`).
//! - [`UnlabelledImages`] reads files without labels, for prediction (`streaming::unlabelled`).
//! - [`Audit`] inspects a source instead of opening it: duplicates, leaks, conflicting labels, broken files (`audit`).

mod audit;
mod dataset;
mod decoding;
mod list_splits;
mod near_duplicates;
mod near_leaks;
mod options;
mod panic_message;
mod read_progress;
mod selection;
mod sources;
mod splits;
mod streaming;

#[cfg(test)]
mod tests;

pub use audit::{
    Audit, Broken, Channels, Counts, CutGroup, Features, Findings, GroupLeaks, Item, Leak, NearLeaks, NearPair,
    PerSplit, SizeCount, SplitName, ToExclude,
};
pub use dataset::{Dataset, open};
pub use decoding::decoded_cache::{default_folder, kept_bytes};
pub use options::Options;
pub use read_progress::{NoProgress, ReadProgress};
pub use selection::{Merge, Selection};
pub use sources::{
    csv_rows::IMAGE_COLUMNS,
    faces,
    image_files::{ImageFile, images_below},
    soft_labels::SoftLabels,
    unreadable::BadFile,
};
pub use splits::{
    folds::Fold,
    single_split::{SingleSplit, open_single_split},
    split::Split,
    split_folders::SplitFolders,
    stratified::halves as val_halves,
    train_duplicates::TrainDuplicates,
};
pub use streaming::{
    batches::{Batch, Batches},
    gallery::Gallery,
    loader::Loader,
    thumbnails::Thumbnails,
    unlabelled::{UnlabelledBatch, UnlabelledImages},
};
