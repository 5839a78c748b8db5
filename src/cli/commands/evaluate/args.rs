//! The flags of `mindgap evaluate`.

use std::path::PathBuf;

use crate::cli::flags::{
    compute::Compute,
    data::DataFlags,
    input::{InputFlags, parse_views},
    model_file::ModelFlags,
};
use mindgap::{data::SplitName, recipe::Tta};

/// Classes of model and data are matched by name. Precision, recall and F1 are scikit-learn's: a class that was predicted
/// but that no image has gets an F1 of 0; a class that was neither predicted nor present does not count in the mean.
#[derive(Debug, clap::Args)]
#[command(mut_arg("source", |data| data.help(
    "A folder with train/CLASS/* and val/CLASS/*, a fer2013.csv, or faces; without train, a folder that holds the split \
     alone, or for --split test nothing but CLASS/* [default: the data of the run]"
)))]
pub struct Args {
    #[command(flatten)]
    pub(super) model: ModelFlags,

    #[command(flatten)]
    pub(super) input: InputFlags,

    #[command(flatten)]
    pub(super) data: DataFlags,

    /// The split to measure
    #[arg(long, value_name = "SPLIT", default_value = "val", help_heading = "Data")]
    pub(super) split: SplitName,

    /// Also measure predictions averaged over views of each image: none, flip, ten-crop
    #[arg(long, value_name = "VIEWS", default_value = "none", value_parser = parse_views)]
    pub(super) tta: Tta,

    /// Write a table of the prediction for each image
    #[arg(long, value_name = "FILE.csv")]
    pub(super) predictions: Option<PathBuf>,

    /// Replace that file if it exists
    #[arg(long)]
    pub(super) force: bool,

    /// Print the figures as JSON
    #[arg(long)]
    pub(super) json: bool,

    #[command(flatten)]
    pub(super) compute: Compute,
}
