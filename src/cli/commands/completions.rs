//! `mindgap completions`: completion scripts for bash, zsh, fish and others.

use anyhow::Result;
use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::{Cli, ExitStatus, output::print::print};

/// Flags of `mindgap completions`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell to write for
    shell: Shell,
}

/// Prints the script.
pub fn run(args: &Args) -> Result<ExitStatus> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "mindgap", &mut script);
    print(script)?;
    Ok(ExitStatus::Done)
}
