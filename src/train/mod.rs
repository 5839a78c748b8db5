//! Training: the loop and what it is made of.

mod average;
mod checkpoint;
pub mod class_weights;
pub mod ema;
mod epoch_batches;
mod evaluate;
mod examples;
mod failure;
mod find_lr;
mod fit;
mod keep;
pub mod loss;
mod loss_scale;
pub mod optim;
mod order;
mod patience;
mod provenance;
mod rewind;
pub mod sharpness;
mod sides;
pub mod swa;
mod trainer;
pub mod tta;

pub use average::Average;
pub use checkpoint::Checkpoint;
pub use evaluate::{evaluate, evaluate_by};
pub use failure::Failure;
pub use find_lr::{RangeTest, find_lr};
pub use fit::{Outcome, fit};
pub use keep::Keeper;
pub use loss_scale::LossScale;
pub use order::order;
pub use patience::Patience;
pub use provenance::{data_source, versions};
pub use sides::Sides;
pub use trainer::{Pass, Position, Trainer, amp_kind};
