//! `mindgap completions`: completion scripts for bash, zsh, fish and others.

use anyhow::Result;
use clap_complete::Shell;

use crate::cli::{ExitStatus, output::print::print};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell to write for
    shell: Shell,
}

/// Prints the completion script of `command`, the whole command line of mindgap.
/// Fails if stdout cannot be written to.
pub fn run(args: &Args, mut command: clap::Command) -> Result<ExitStatus> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "mindgap", &mut script);
    print(script)?;
    Ok(ExitStatus::Done)
}
