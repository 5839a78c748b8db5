//! From an opened data set to the device: batches, decoded ahead where memory does not hold all images.
//!
//! - `batches` gives the images of a split in any order, with the help of the threads of `loader`.
//! - `unlabelled` reads files without labels, for prediction; `gallery` and `thumbnails` make small PNG files for
//!   reports.

pub mod batches;
pub mod gallery;
pub mod loader;
pub mod thumbnails;
pub mod unlabelled;
