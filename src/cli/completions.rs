//! `mindgap completions`: completion scripts for bash, zsh, fish and others.

use std::io::{self, Write};

use anyhow::Result;
use clap::CommandFactory;
use clap_complete::Shell;

use super::{Cli, End};

/// Flags of `mindgap completions`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell to write for
    shell: Shell,
}

/// Prints the script.
pub fn run(args: &Args) -> Result<End> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "mindgap", &mut script);
    // A reader that closes the pipe early has what it wanted.
    let _ = io::stdout().write_all(&script);
    Ok(End::Done)
}
