//! Child processes and signals.

pub mod child;
pub mod signals;
