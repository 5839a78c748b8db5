//! From files to pixels: each file is decoded, checked, hashed and fitted to the shape that the network sees.
//!
//! - `decode` decodes one file with the help of `jpeg`, `palette` and `png_metadata`; `truncation` finds files that are cut
//!   off, `unsupported_format` names formats that are not read. The result is a `decoded_image`.
//! - `sixteen_bit` scales 16-bit values to bytes, `resize` fits an image to the `shape`, `hash` and `pixel_statistics`
//!   summarise its pixels.
//! - `read` reads a split for the first time, `read_splits` all of them, and `decoded_cache` keeps the result for the next
//!   start.

pub mod decode;
pub mod decoded_cache;
pub mod decoded_image;
pub mod hash;
mod jpeg;
mod palette;
pub mod pixel_statistics;
mod png_metadata;
pub mod read;
pub mod read_splits;
pub mod resize;
pub mod shape;
pub mod sixteen_bit;
mod truncation;
pub mod unsupported_format;
