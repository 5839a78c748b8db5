//! What recorded epochs say about the gap, in plain words. No tensors: any log that reads as epochs will do.
//!
//! [`Case::of_run`] and [`log::read`] give a [`Case`]: [`Curves`] and, for a run folder, what each image says. Each file
//! of `rules` looks for one thing in it and makes a [`Finding`]; [`diagnose`] puts them in order; `text` says them.

mod advice;
mod case;
#[cfg(test)]
mod constructed;
mod curves;
mod diagnosis;
mod finding;
mod guessing;
mod learning_curve;
pub mod log;
mod next;
mod opening;
mod rules;
mod text;

pub use case::{AccuracyChange, Case, Evidence, FinalGap};
pub use curves::{Curves, LossPoint, TrainingLoss};
pub use diagnosis::{Diagnosis, diagnose};
pub use finding::{Finding, Id, Severity};
pub use learning_curve::{SHARES, SubsetLosses, more_data};
pub use opening::open_since;
