//! Training: the loop and what it is made of.

mod checkpoint;
mod evaluate;
mod failure;
mod fit;
mod keep;
mod loss;
pub mod optim;
mod sides;
mod trainer;

pub use checkpoint::Checkpoint;
pub use evaluate::evaluate;
pub use failure::Failure;
pub use fit::{Outcome, fit};
pub use keep::Keeper;
pub use sides::Sides;
pub use trainer::{Position, Trained, Trainer};
