//! The `mindgap` command: reads the command line, runs the command, turns its end into an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    mindgap::cli::main()
}
