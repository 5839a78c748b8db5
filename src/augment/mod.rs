//! Batched image transforms on the device.

mod normalize;

pub use normalize::Normalize;
