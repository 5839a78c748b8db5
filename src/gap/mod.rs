//! What recorded epochs say about the gap, in plain words. The module holds no tensors, so any log that reads as epochs can
//! be diagnosed.
//!
//! [`Case::of_run`] and [`log::read`] give a [`Case`]: [`Curves`] and, for a run folder, the outputs on each image. Each file
//! of `rules` looks for one problem in it and makes a [`Finding`]; [`diagnose`] sorts the findings; `text` prints them.

mod advice;
mod bill;
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

pub use bill::{Bill, BillEvidence, BillItem, BillSet, Cause};
pub use case::{AccuracyChange, Case, Evidence, FinalGap};
pub use curves::{Curves, LossPoint, TrainingLoss};
pub use diagnosis::{Diagnosis, diagnose};
pub use finding::{Finding, Id, Severity};
pub use learning_curve::{SHARES, finished_learning_curve, learning_curve_folder};
pub use opening::open_since;
