//! The `mindgap` command: reads the command line, runs the command, turns its end into an exit code.

// What a user brought may be wrong: it is answered, never unwrapped.
#![cfg_attr(not(test), deny(clippy::unwrap_used))]

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
