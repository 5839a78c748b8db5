//! The flags of `mindgap train`.

use std::path::PathBuf;

use crate::cli::{
    flags::{compute::Compute, data::DataFlags, recipe::RecipeSource},
    ranks,
};
use mindgap::compare::PlannedData;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub data: DataFlags,

    #[command(flatten)]
    pub source: RecipeSource,

    /// Folder of the run [default: a new one under runs/, named after data and preset]
    #[arg(long, value_name = "DIR", help_heading = "Run")]
    pub out: Option<PathBuf>,

    /// Resume the run in --out where it stopped, or extend it with more --epochs; start it where there is none
    #[arg(long, help_heading = "Run", requires = "out")]
    pub resume: bool,

    /// Write a checkpoint after every N updates inside an epoch too [default: after each epoch]
    #[arg(long, value_name = "N", help_heading = "Run", value_parser = clap::value_parser!(u64).range(1..))]
    pub checkpoint_every: Option<u64>,

    #[command(flatten)]
    pub compute: Compute,

    #[command(flatten)]
    pub ranks: ranks::Flags,

    /// Print the final figures as JSON on stdout, everything else on stderr
    #[arg(long, help_heading = "Run")]
    pub json: bool,

    /// The data that a planned run must have.
    #[arg(skip)]
    pub planned: Option<PlannedData>,
}
