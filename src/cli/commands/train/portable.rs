//! Writes `model.pt` at the end of a run in a separate process, so that a failure or crash of libtorch's writer does
//! not end the run.

use std::{
    ffi::{OsStr, OsString},
    path::Path,
};

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
    let flags = ["--force", "--read-back-here"].map(OsStr::new);
    if let Err(error) = child::output(words.iter().map(OsString::as_os_str).chain(flags)) {
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
