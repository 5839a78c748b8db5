//! Reads a file of weights from an untrusted source: safetensors only.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail, ensure};

/// Extensions of files that PyTorch writes as pickles.
const PICKLES: [&str; 6] = ["pt", "pth", "bin", "ckpt", "pkl", "tar"];

/// The bytes of the file at `path`, unless it is a pickle.
/// Fails if it cannot be read, or is one of PyTorch's pickle files: a pickle is a program and is never opened.
pub(super) fn file(path: &Path) -> Result<Vec<u8>> {
    let place = || format!("pretrained = \"{}\" cannot be read", path.display());
    let is_file = fs::metadata(path).with_context(place)?.is_file();
    ensure!(is_file, "pretrained = \"{}\" is no file: name a .safetensors file", path.display());
    let bytes = fs::read(path).with_context(place)?;
    if is_pickle(path, &bytes) {
        let beside = path.with_extension("safetensors");
        let (pickle, converted) = (path.display(), beside.display());
        let remedy = if beside != path && beside.exists() {
            format!("\"{converted}\" is beside it: give that one")
        } else {
            format!(
                "if you trust it, convert the state dict in it to a safetensors file once:\n  \
                 python3 -c 'import sys, torch, safetensors.torch as s; \
                 s.save_file(torch.load(sys.argv[1], map_location=\"cpu\", weights_only=True), sys.argv[2])' \
                 \"{pickle}\" \"{converted}\""
            )
        };
        bail!(
            "pretrained = \"{pickle}\" is a pickle of PyTorch's, a program that could do anything, so it is not opened; \
             {remedy}"
        );
    }
    Ok(bytes)
}

/// Whether a file has the extension or the first bytes of a pickle, and does not begin with the length and the brace of
/// a safetensors file.
fn is_pickle(path: &Path, bytes: &[u8]) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let begins = bytes.starts_with(b"PK\x03\x04") || matches!(bytes, [0x80, 2..=5, ..]);
    bytes.get(8) != Some(&b'{') && (begins || PICKLES.contains(&ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pickles_are_recognised_by_extension_or_first_bytes() {
        let is = |name: &str, bytes: &[u8]| is_pickle(Path::new(name), bytes);
        assert!(is("w.pth", b"") && is("w.bin", b"anything") && is("w.safetensors", b"PK\x03\x04 a zip archive"));
        assert!(is("w", b"\x80\x02}q\x00X\x0c\x00\x00\x00") && !is("w", b"something else"));
        // A header of 640 bytes begins like a pickle of version 2.
        assert!(!is("w.bin", b"\x80\x02\0\0\0\0\0\0{\"conv1.weight\"") && !is("w.safetensors", b""));
    }
}
