//! The flags of `mindgap train`.

use std::path::PathBuf;

use crate::cli::{
    flags::{compute::Compute, data::DataFlags, recipe::RecipeSource},
    ranks,
};
use mindgap::compare::{PlannedData, PlannedRun};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub(super) data: DataFlags,

    #[command(flatten)]
    pub(super) source: RecipeSource,

    /// Folder of the run [default: a new one under runs/, named after data and preset]
    #[arg(long, value_name = "DIR", help_heading = "Run")]
    pub(super) out: Option<PathBuf>,

    /// Resume the run in --out where it stopped, or extend it with more --epochs; start it where there is none
    #[arg(long, help_heading = "Run", requires = "out")]
    pub(super) resume: bool,

    /// Write a checkpoint after every N updates inside an epoch too [default: after each epoch]
    #[arg(long, value_name = "N", help_heading = "Run", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) checkpoint_every: Option<u64>,

    #[command(flatten)]
    pub(super) compute: Compute,

    #[command(flatten)]
    pub(super) ranks: ranks::Flags,

    /// Print the final figures as JSON on stdout, everything else on stderr
    #[arg(long, help_heading = "Run")]
    pub(super) json: bool,

    /// The data that a planned run must have.
    #[arg(skip)]
    pub(super) planned: Option<PlannedData>,
}

impl Args {
    /// The flags of a planned run, which starts or resumes in `folder`.
    pub fn planned(
        run: &PlannedRun,
        folder: PathBuf,
        data: &DataFlags,
        compute: Compute,
        checkpoint_every: Option<u64>,
        json: bool,
    ) -> Self {
        let source = RecipeSource {
            preset: Some(run.job.preset.clone()),
            planned: Some(run.recipe.clone()),
            ..RecipeSource::default()
        };
        Self {
            data: data.over(&run.data),
            source,
            out: Some(folder),
            resume: true,
            checkpoint_every,
            compute,
            ranks: ranks::Flags::default(),
            json,
            planned: Some(run.data.clone()),
        }
    }
}
