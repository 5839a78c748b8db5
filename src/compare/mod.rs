//! Which preset helps, by how much, and is it real? Several presets over several seeds, on the same images.
//!
//! Four steps, a file each: what is to be trained ([`Job`], [`jobs`]; complete and on disk, for any machine: [`Plan`]),
//! training it ([`run`]), what each run found ([`FinishedRun`]; [`gather`] reads all of a plan), and what all of them
//! together say ([`Comparison`]): figures over seeds, differences from the baseline with their intervals, and a
//! verdict. No tensors: the runs are read from their folders.

mod comparison;
mod difference;
mod figures;
mod finished;
mod gather;
mod job;
mod plan;
mod runner;
mod table;
#[cfg(test)]
mod tests;
mod verdict;

pub use comparison::{Compared, Comparison, NotFinished};
pub use difference::{Against, Delta};
pub use figures::{MeanSd, SeedFigures};
pub use finished::FinishedRun;
pub use gather::{gather, progress};
pub use job::{Job, jobs};
pub use plan::{Plan, PlannedData, PlannedRun};
pub use runner::{JobStatus, run};
pub use verdict::Verdict;
