//! Batched image transforms on the device.

pub mod cutmix;
mod mix;
pub mod mixup;
mod normalize;
mod resize;

pub use mix::{Mix, MixKind};
pub use normalize::Normalize;
pub use resize::resize;
