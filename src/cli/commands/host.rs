//! `mindgap host`: runs a model file for the mindgap process that started it.

use std::path::PathBuf;

use anyhow::Result;

use crate::cli::{ExitStatus, flags::compute::Compute};
use mindgap::export;

/// Flags of `mindgap host`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    compute: Compute,

    /// The model file
    file: PathBuf,
}

/// Runs the command.
/// Fails if the device cannot be used or the pipes are broken.
pub fn run(args: &Args) -> Result<ExitStatus> {
    let device = args.compute.prepare(None, None)?;
    export::serve(&args.file, device)?;
    Ok(ExitStatus::Done)
}
