//! The flags of `mindgap predict`.

use std::path::PathBuf;

use crate::cli::flags::{
    compute::Compute,
    input::{InputFlags, parse_views},
    model_file::ModelFlags,
};
use mindgap::recipe::Tta;

/// Images are prepared like the validation images. A file that cannot be read is reported, and the others are still
/// predicted; the exit code is then 2.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub(super) model: ModelFlags,

    /// Image files, folders (all images below them), or - for paths on stdin, one a line
    #[arg(value_name = "IMAGE|DIR|-", required = true)]
    pub(super) images: Vec<PathBuf>,

    /// The paths on stdin end with NUL, as `find -print0` writes them
    #[arg(long, short = '0')]
    pub(super) null: bool,

    #[command(flatten)]
    pub(super) input: InputFlags,

    /// Number of most likely classes to print [default: 1, with --json 5]
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) top_k: Option<u32>,

    /// Divide the logits by the temperature fitted on val, so that probabilities are calibrated
    #[arg(long)]
    pub(super) calibrated: bool,

    /// Average the probabilities over views of each image: none, flip, ten-crop
    #[arg(long, value_name = "VIEWS", default_value = "none", value_parser = parse_views)]
    pub(super) tta: Tta,

    /// Images in one forward pass
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=65536))]
    pub(super) batch_size: u32,

    /// Print a line of JSON for each file instead of a table (path, class, probability, …, tabs between them)
    #[arg(long)]
    pub(super) json: bool,

    /// Write an overlay of each image that shows which regions support its class (Grad-CAM), for mindgap's own networks
    #[arg(long, value_name = "DIR")]
    pub(super) cam: Option<PathBuf>,

    /// Allow DIR to contain files, and replace those with the same names
    #[arg(long, requires = "cam")]
    pub(super) force: bool,

    #[command(flatten)]
    pub(super) compute: Compute,
}
