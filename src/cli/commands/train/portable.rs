//! Writes `model.pt` at the end of a run in a separate process, so that a failure or crash of libtorch's writer does
//! not end the run.

use std::{path::Path, process::Stdio};

use anyhow::{Context, Result, bail};
use rustix::process::Signal;

use crate::cli::{output::say::say, process::child};
use mindgap::{
    durable,
    run::{RunFolder, shell_line},
};

/// Writes the best weights of the run in `folder` as TorchScript. If that fails a warning says why, with the command
/// that tries again.
pub fn write(folder: &Path) {
    let out = folder.join(RunFolder::TORCHSCRIPT);
    let words = ["export".into(), folder.into(), "--out".into(), out.into_os_string()];
    if let Err(error) = run(&words) {
        // If the process died it left an incomplete file. No other program writes here, since the run has locked the
        // folder.
        let _ = durable::remove_leftovers(folder);
        let mut again = vec!["mindgap".to_owned()];
        again.extend(words.iter().map(|word| word.to_string_lossy().into_owned()));
        say(format_args!(
            "warning: {} was not written: {error:#}. Nothing else is missing; try again with: {}",
            RunFolder::TORCHSCRIPT,
            shell_line(&again)
        ));
    }
}

/// Runs `mindgap` with these arguments in a separate process.
fn run(words: &[std::ffi::OsString]) -> Result<()> {
    let mut command = child::mindgap()?;
    command.args(words).arg("--force").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    // Ctrl-C must not reach the process: the run, which it is meant for, is nearly finished.
    child::set_apart(&mut command, Signal::KILL);
    let output = command.output().context("the process that writes it cannot be started")?;
    if output.status.success() {
        return Ok(());
    }
    match child::error_in(&String::from_utf8_lossy(&output.stderr)) {
        Some(error) => bail!("{error}"),
        None => bail!("its process ended with {}", output.status),
    }
}
