//! SHA-256, which finds that bytes were changed on purpose; the checksum of an [`Archive`](super::Archive) finds accidents.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use anyhow::{Context, Result};
use ring::digest::{Context as Digest, SHA256};

/// Size of the pieces in which a file is read \[bytes\].
const PIECE: usize = 1 << 16;

/// The SHA-256 of `bytes`, 64 lower-case hex digits.
pub fn sha256(bytes: &[u8]) -> String {
    let mut digest = Digest::new(&SHA256);
    digest.update(bytes);
    hex(digest)
}

/// The SHA-256 of the file at `path`, 64 lower-case hex digits.
///
/// # Errors
/// The file cannot be read.
pub fn sha256_of_file(path: &Path) -> Result<String> {
    let failure = || format!("cannot read {}", path.display());
    let file = File::open(path).with_context(failure)?;
    digest_of_file(Digest::new(&SHA256), file).with_context(failure)
}

/// The digest of what `digest` holds already and of the rest of `file`, in lower-case hex digits.
///
/// # Errors
/// The file cannot be read.
pub fn digest_of_file(mut digest: Digest, mut file: File) -> io::Result<String> {
    let mut piece = vec![0; PIECE];
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            return Ok(hex(digest));
        }
        digest.update(&piece[..read]);
    }
}

fn hex(digest: Digest) -> String {
    digest.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_files_have_the_hash_of_sha256sum() {
        // printf 'hello\n' | sha256sum
        let expected = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "hello\n").unwrap();
        assert_eq!((sha256(b"hello\n").as_str(), sha256_of_file(&path).unwrap().as_str()), (expected, expected));
        let message = format!("{:#}", sha256_of_file(&folder.path().join("gone")).unwrap_err());
        assert!(message.contains("cannot read") && message.contains("gone"), "{message}");
    }
}
