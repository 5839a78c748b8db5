//! The `mindgap` command.

// What a user brings may be wrong, and is answered with an error, never unwrapped.
#![cfg_attr(not(test), deny(clippy::unwrap_used))]

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
