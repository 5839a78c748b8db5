//! Checksums of fetched files: the hub names each file by one, and calls it the file's etag.

use std::{
    fs::{self, File},
    path::Path,
};

use anyhow::{Context, Result, ensure};
use ring::digest::{Context as Digest, SHA1_FOR_LEGACY_USE_ONLY, SHA256};

use super::cache::is_hex;
use crate::durable;

/// Checks that the file at `path` has the checksum `etag`: the SHA-256 of a large file, or git's SHA-1 of a small one.
/// Fails if it has another, or cannot be read.
pub(super) fn verify(path: &Path, etag: &str) -> Result<()> {
    let place = || format!("{} cannot be read", path.display());
    let file = File::open(path).with_context(place)?;
    let mut digest = Digest::new(&SHA256);
    if !is_hex(etag, 64) {
        digest = Digest::new(&SHA1_FOR_LEGACY_USE_ONLY);
        digest.update(format!("blob {}\0", file.metadata().with_context(place)?.len()).as_bytes());
    }
    let found = durable::digest_of_file(digest, file).with_context(place)?;
    ensure!(found == etag, "the checksum is wrong: the hub states {etag}, the bytes have {found}");
    Ok(())
}

/// Whether `etag` is a checksum of one of the two kinds. Servers that are no hub may give other etags.
pub(super) fn is_checksum(etag: &str) -> bool {
    is_hex(etag, 64) || is_hex(etag, 40)
}

/// Checks a file of the cache, whose link leads to a blob that has the checksum as its name. Where the file system has no
/// links there is no checksum to compare with.
/// Fails if the file has another checksum.
pub(super) fn verify_cached(path: &Path) -> Result<()> {
    let Ok(blob) = fs::canonicalize(path) else { return Ok(()) };
    match blob.file_name().and_then(|name| name.to_str()) {
        Some(etag) if is_checksum(etag) => {
            verify(&blob, etag).with_context(|| format!("{} is damaged: delete it and start again", blob.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_checksums_are_those_of_sha256sum_and_git() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "hello\n").unwrap();
        // echo hello | sha256sum; echo hello | git hash-object --stdin
        verify(&path, "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03").unwrap();
        verify(&path, "ce013625030ba8dba906f756967f9e9ca394464a").unwrap();
        fs::write(&path, "hullo\n").unwrap();
        let error = verify(&path, "ce013625030ba8dba906f756967f9e9ca394464a").unwrap_err().to_string();
        assert!(error.contains("the hub states ce013625"), "{error}");
    }
}
