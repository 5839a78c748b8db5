//! Flags of `mindgap bill`.

use std::path::PathBuf;

use crate::cli::flags::{compute::Compute, data::DataFlags};

#[derive(Clone, Debug, clap::Args)]
#[command(mut_arg("source", |flag| flag.help(
    "A folder with train/CLASS/* and val/CLASS/*, or with CLASS/*, a fer2013.csv, or faces [default: the data of the run]"
)))]
pub struct Args {
    /// The folder of a finished run
    #[arg(value_name = "RUN")]
    pub run: PathBuf,

    /// Wrong labels in the data: what `mindgap inspect DATA --labels --json` prints, or a list of names
    #[arg(long, value_name = "FILE", help_heading = "Bill")]
    pub suspects: Option<PathBuf>,

    /// Augmented views of each image, for what the network memorised
    #[arg(long, value_name = "N", default_value = "2", help_heading = "Bill")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100))]
    pub views: u32,

    /// Training images to measure; the probe is always measured, and of a larger train others are drawn
    #[arg(long, value_name = "N", default_value = "20000", help_heading = "Bill")]
    pub train_images: usize,

    /// Take the recorded outputs alone: run no network and open no data
    #[arg(long, help_heading = "Bill")]
    pub outputs_only: bool,

    #[command(flatten)]
    pub data: DataFlags,

    #[command(flatten)]
    pub compute: Compute,

    /// Print JSON
    #[arg(long, help_heading = "Bill")]
    pub json: bool,
}
