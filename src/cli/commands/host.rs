//! `mindgap host`: runs a model file for the mindgap process that started it.

use std::path::PathBuf;

use anyhow::Result;

use crate::cli::{ExitStatus, flags::compute::Compute};
use mindgap::export::{self, InputNormalisation};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    compute: Compute,

    /// The mean of each channel by which the images of a model without a description are normalised
    #[arg(long, value_delimiter = ',', allow_negative_numbers = true, requires = "std")]
    mean: Vec<f32>,

    /// The standard deviation of each channel
    #[arg(long, value_delimiter = ',', requires = "mean")]
    std: Vec<f32>,

    /// The model file
    file: PathBuf,
}

/// Fails if the device cannot be used or the pipes are broken.
pub fn run(args: &Args) -> Result<ExitStatus> {
    let device = args.compute.prepare(None, None)?;
    let normalisation = InputNormalisation { mean: args.mean.clone(), std: args.std.clone() };
    export::serve(&args.file, device, Some(&normalisation).filter(|_| !args.mean.is_empty()))?;
    Ok(ExitStatus::Done)
}
