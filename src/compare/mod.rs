//! Which preset helps, by how much, and is it real? Several presets over several seeds, on the same images.
//!
//! A comparison has four steps, each in a file of its own:
//! 1. what to train: [`Job`], [`jobs`], and a [`Plan`] on disk that is complete, so that any machine can train it;
//! 2. training it: [`run`];
//! 3. reading what each run found: [`FinishedRun`]; [`gather`] reads all runs of a plan;
//! 4. what the runs say together: [`Comparison`], with figures over seeds, differences from the baseline, and a verdict.
//!
//! [`Comparison::of_models`] compares models that are trained already, by whatever program: finished runs of mindgap's own,
//! recorded runs, or tables of predictions (`predictions`). It reads them, groups them into recipes over seeds (`grouping`),
//! brings them to the same images (`pairing`), and then proceeds as with the runs of a plan.
//!
//! [`Comparison::answering`] answers a [`Question`] beyond that: which difference is to be told (`answer`), and whether seeds are
//! added until the answers stand.
//!
//! The module holds no tensors: it reads runs from their folders.

mod accuracy;
mod answer;
#[cfg(test)]
mod answer_tests;
mod answering;
#[cfg(test)]
mod answering_tests;
mod compared;
mod comparison;
mod delta;
mod difference;
mod earlier;
mod figures;
mod findings;
mod finished;
mod folds;
mod gather;
mod grouping;
mod images;
mod job;
mod mixed_groups;
mod models;
mod origin;
mod pairing;
#[cfg(test)]
mod pairing_tests;
mod plan;
mod planned_run;
mod predictions;
mod question;
mod remarks;
mod run_figures;
mod runner;
mod sentence;
mod table;
#[cfg(test)]
mod tests;
mod verdict;
mod worth;

pub use accuracy::AccuracyTest;
pub use answer::{Detection, Sequential};
pub use compared::Compared;
pub use comparison::{Comparison, NotFinished};
pub use delta::Delta;
pub use difference::Against;
pub use earlier::Earlier;
pub use figures::{MeanSd, SeedFigures};
pub use finished::{FinishedRun, Which};
pub use gather::{gather, progress};
pub use grouping::GroupBy;
pub use images::{CommonImages, PairedBy, ValImages};
pub use job::{Job, jobs, split_fold};
pub use models::{ModelKind, ModelOptions};
pub use origin::{ComparedModel, Models, Weights};
pub use plan::Plan;
pub use planned_run::{PlannedData, PlannedRun};
pub use predictions::{EVALUATE_COLUMNS, Values};
pub use question::{Question, Stopped};
pub use run_figures::{Measurement, RunFigures};
pub use runner::{JobStatus, run};
pub use verdict::Verdict;
pub use worth::{Fix, FixWorth, MoreImages, WHOLE, Worth};
