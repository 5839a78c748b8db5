//! A command's result on stdout.

use std::io::{self, ErrorKind, Write};

use anyhow::Result;

use mindgap::train::Failure;

/// Prints `text`.
///
/// # Errors
/// As [`is_read`].
pub fn print(text: impl AsRef<[u8]>) -> Result<()> {
    let mut stdout = io::stdout().lock();
    is_read(stdout.write_all(text.as_ref()).and_then(|()| stdout.flush())).map(|_| ())
}

/// Whether somebody reads on after `written` to stdout: one who closes the pipe early has what he wanted.
///
/// # Errors
/// It cannot be written to, on a full disk for one.
pub fn is_read(written: io::Result<()>) -> Result<bool> {
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        written => {
            Ok(written.map(|()| true).map_err(|error| Failure(format!("stdout cannot be written to: {error}")))?)
        }
    }
}
