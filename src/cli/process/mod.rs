//! Child processes and signals, and the training of a plan's runs in such processes.

pub mod child;
pub mod out_of_fold;
pub mod plan_training;
mod progress;
pub mod signals;
