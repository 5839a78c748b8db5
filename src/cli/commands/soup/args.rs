//! The flags of `mindgap soup`.

use std::path::PathBuf;

use crate::cli::flags::{compute::Compute, data::DataFlags, model_file::Which};

/// Runs are taken in the order of their val loss. Each goes into the mean of the weights if val loss falls by it. One half of val
/// chooses, and the other half judges the result, so that the figures of the soup do not flatter it.
#[derive(Clone, Debug, clap::Args)]
#[command(mut_arg("source", |flag| flag.help(
    "A folder with train/CLASS/* and val/CLASS/*, or with CLASS/*, a fer2013.csv, or faces [default: the data of the runs]"
)))]
pub struct Args {
    /// The folders of two finished runs or more, of one network on the same data
    #[arg(value_name = "RUN", required = true)]
    pub runs: Vec<PathBuf>,

    /// The file to write: a model for evaluate, predict and export
    #[arg(long, value_name = "FILE", default_value = "soup.safetensors", help_heading = "Soup")]
    pub out: PathBuf,

    /// Replace that file if it exists
    #[arg(long, help_heading = "Soup")]
    pub force: bool,

    /// The epoch of each run whose weights are taken
    #[arg(long, value_name = "EPOCH", default_value = "last", help_heading = "Soup")]
    pub which: Which,

    #[command(flatten)]
    pub data: DataFlags,

    #[command(flatten)]
    pub compute: Compute,

    /// Print JSON
    #[arg(long, help_heading = "Soup")]
    pub json: bool,
}
