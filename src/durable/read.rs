//! Reads small files that the user provides.

use std::{fs::File, io::Read, path::Path};

use anyhow::{Context, Result, ensure};

/// Largest size of a text file; a recipe, list or log is smaller \[bytes\].
const TEXT_AT_MOST: u64 = 256 << 20;

/// Reads the whole file at `path`: a regular file, or a pipe.
///
/// # Errors
/// The file cannot be read, or has more than 256 MiB, such as an endless device.
pub fn read_text(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = || format!("cannot read {}", path.display());
    File::open(path).with_context(read)?.take(TEXT_AT_MOST + 1).read_to_end(&mut bytes).with_context(read)?;
    ensure!(bytes.len() as u64 <= TEXT_AT_MOST, "{} is too large: more than 256 MiB of text", path.display());
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_never_ends_is_refused() {
        let error = read_text(Path::new("/dev/zero")).unwrap_err().to_string();
        assert!(error.contains("too large"), "{error}");
    }
}
