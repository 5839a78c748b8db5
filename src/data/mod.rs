//! Images and labels: where they come from and how they reach the device.
//!
//! `open` reads a source in five steps, each in a file of its own:
//!
//! 1. list the samples: `folder` (whose splits `layout` finds), `table` or `faces` gives a `listing`, less what the user
//!    leaves out (`exclude`);
//! 2. settle the splits: a tenth for val where there is none, the fraction of train in use (`split`);
//! 3. settle the shape that every image gets (`shape`);
//! 4. read every image once (`read`): decode it (`source`, `decode`, `whole`), hash it (`hash`), fit it to
//!    the shape (`transform`), and keep it if it fits the cache;
//! 5. complain about what could not be read, or leave it out, and hand over a [`Dataset`].
//!
//! Training then takes [`Batch`]es from each [`Split`] (`images`); a split too large for the cache is decoded anew in
//! every epoch by the `loader`, with the same order and the same bytes.
//!
//! [`Alone`] is one split without train, to measure a model on (`alone`).
//!
//! [`Pictures`] reads files without labels, for prediction (`walk`, `pictures`).
//!
//! [`Audit`] looks at a source instead of opening it: duplicates, leaks, conflicting labels and broken files (`audit`).

mod alone;
mod audit;
mod bad;
mod batches;
mod class_folders;
mod copies;
mod dataset;
mod decode;
mod decoded;
mod depth;
mod exclude;
mod extras;
pub mod faces;
mod folder;
mod foreign;
mod gallery;
mod hash;
mod images;
mod jpeg;
mod layout;
mod listing;
mod loader;
mod look;
mod palette;
mod picture;
mod pictures;
mod probe;
mod progress;
mod read;
mod read_splits;
mod shape;
mod source;
mod split;
mod split_folders;
mod split_name;
mod sums;
mod table;
mod transform;
mod walk;
mod whole;

#[cfg(test)]
mod tests;

pub use alone::{Alone, open_alone};
pub use audit::{
    Audit, Broken, Channels, Counts, Findings, Item, Leak, NearPair, PerSplit, Size, SplitName, ToExclude,
};
pub use bad::BadFile;
pub use batches::{Batch, Batches};
pub use copies::Copies;
pub use dataset::{Dataset, Options, open};
pub use decoded::{default_folder, kept_bytes};
pub use gallery::Gallery;
pub use images::Split;
pub use loader::Loader;
pub use pictures::{PictureBatch, Pictures};
pub use progress::{Progress, Silent};
pub use split_folders::SplitFolders;
pub use walk::{Found, images_below};
