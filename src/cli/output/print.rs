//! Writes a command's result to stdout.

use std::io::{self, ErrorKind, Write};

use anyhow::Result;

use mindgap::train::Failure;

/// Prints `text` on stdout. Fails where [`is_read`] does.
pub fn print(text: impl AsRef<[u8]>) -> Result<()> {
    let mut stdout = io::stdout().lock();
    is_read(stdout.write_all(text.as_ref()).and_then(|()| stdout.flush())).map(|_| ())
}

/// Whether stdout is still read, given the result of writing to it. A closed pipe is no error, since its reader has all
/// it wants.
/// Fails if stdout cannot be written to, for example on a full disk.
pub fn is_read(written: io::Result<()>) -> Result<bool> {
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        written => {
            Ok(written.map(|()| true).map_err(|error| Failure(format!("stdout cannot be written to: {error}")))?)
        }
    }
}
