//! Which preset helps, by how much, and is it real? Several presets over several seeds, on the same images.
//!
//! A comparison has four steps, each in a file of its own:
//! 1. what to train: [`Job`], [`jobs`], and a [`Plan`] on disk that is complete, so that any machine can train it;
//! 2. training it: [`run`];
//! 3. reading what each run found: [`FinishedRun`]; [`gather`] reads all runs of a plan;
//! 4. what the runs say together: [`Comparison`], with figures over seeds, differences from the baseline, and a verdict.
//!
//! The module holds no tensors: it reads runs from their folders.

mod compared;
mod comparison;
mod delta;
mod difference;
mod figures;
mod finished;
mod gather;
mod job;
mod plan;
mod planned_run;
mod runner;
mod sentence;
mod table;
#[cfg(test)]
mod tests;
mod verdict;

pub use compared::Compared;
pub use comparison::{Comparison, NotFinished};
pub use delta::Delta;
pub use difference::Against;
pub use figures::{MeanSd, SeedFigures};
pub use finished::FinishedRun;
pub use gather::{gather, progress};
pub use job::{Job, jobs};
pub use plan::Plan;
pub use planned_run::{PlannedData, PlannedRun};
pub use runner::{JobStatus, run};
pub use verdict::Verdict;
