//! A command's result on stdout.

use std::io::{self, ErrorKind, Write};

use anyhow::Result;

use crate::train::Failure;

/// Prints `text`.
///
/// # Errors
/// It cannot be written, on a full disk for one. A reader that closes the pipe early has what it wanted.
pub fn print(text: impl AsRef<[u8]>) -> Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_ref()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written.map_err(|error| Failure(format!("stdout cannot be written to: {error}")))?),
    }
}
