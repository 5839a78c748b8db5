//! Reads small files that the user provides.

use std::{fs::File, io::Read, path::Path};

use anyhow::{Context, Result, ensure};

/// Largest size of a text file; a recipe, list or log is smaller \[bytes\].
const TEXT_AT_MOST: u64 = 256 << 20;

/// How files of other formats begin.
const OTHER_FORMATS: [(&[u8], &str); 9] = [
    (b"{", "JSON"),
    (b"[", "JSON"),
    (b"<", "HTML or XML"),
    (b"PAR1", "a Parquet file"),
    (b"PK", "an archive such as NumPy's .npz or Excel's .xlsx"),
    (b"\xd0\xcf\x11\xe0", "an .xls file of Excel"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x1f\x8b", "compressed by gzip"),
    (b"%PDF", "a PDF"),
];

/// What a file that begins with `bytes` is where it is no table of text in UTF-8, and what to do, for a message; None where it may be
/// one.
pub fn other_format(bytes: &[u8]) -> Option<String> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Some("UTF-16: save it as UTF-8".to_owned());
    }
    let (_, format) = OTHER_FORMATS.iter().find(|(start, _)| bytes.starts_with(start))?;
    Some(format!("{format}, which is not read: write a table of text (CSV)"))
}

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
    fn what_is_no_table_is_named() {
        assert_eq!(other_format(b"\xff\xfen\0a\0").unwrap(), "UTF-16: save it as UTF-8");
        assert!(other_format(b"PK\x03\x04").unwrap().contains(".xlsx"));
        assert_eq!([other_format(b"file,label\n"), other_format(b"")], [None, None]);
    }

    #[test]
    fn a_file_that_never_ends_is_refused() {
        let error = read_text(Path::new("/dev/zero")).unwrap_err().to_string();
        assert!(error.contains("too large"), "{error}");
    }
}
