//! Random augmentation of training images, batched on the device.
//!
//! Each knob has its own file, which opens with the knob's card. A knob draws its numbers on the host from an image's stream
//! and knows no tensors; [`AugmentDraws`] collects the numbers; [`Augment`] passes them to pure functions, each of which
//! does one batched operation:
//!
//! | function | knobs |
//! |---|---|
//! | [`resample()`], [`move_pixels`] | hflip, vflip, rotate, translate, zoom, scale and ratio, crop_pad, aa |
//! | [`adjust`] | color_jitter, aa |
//! | [`change_tones`] | aa |
//! | [`gaussian_blur`] | blur |
//! | `erase::erase` | reprob |
//! | `aug_mix::mixed` | aa |
//! | [`mixup::mixup`], [`cutmix::cutmix`] | mixup, cutmix: [`Mix`] draws them once a batch |
//! | `window::cut` | train_crop |
//! | [`resize()`] | progressive |

mod aug_mix;
mod augment_draws;
mod blur;
mod colour;
mod crop_pad;
pub mod cutmix;
mod draws;
mod erase;
mod hflip;
mod hflip_alternate;
mod map;
mod mix;
pub mod mixup;
mod move_pixels;
mod normalize;
mod operation;
mod pipeline;
mod rand_augment;
mod rect;
mod resample;
mod resize;
mod resized_crop;
mod rotate_shift_zoom;
mod tone;
mod trivial;
mod vflip;
mod window;

pub use augment_draws::AugmentDraws;
pub use blur::gaussian_blur;
pub use colour::{ColourFactors, adjust};
pub use map::Map;
pub use mix::{Mix, MixKind};
pub use move_pixels::move_pixels;
pub use normalize::Normalize;
pub use pipeline::{Augment, AugmentSampler, BatchDraws};
pub use rect::{ImageSize, Rect};
pub use resample::resample;
pub use resize::resize;
pub use tone::{Tone, change_tones};
