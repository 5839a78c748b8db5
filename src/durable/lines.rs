//! Logs with one JSON value per line. A crash may leave only the last line incomplete.

use std::{
    fs::{self, OpenOptions},
    io::{Seek, SeekFrom, Write},
    path::Path,
};

use anyhow::{Context, Result, ensure};
use serde::de::{DeserializeOwned, IgnoredAny};

use super::file::sync_folder;

/// The contents of a log.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonLines<T> {
    /// Values of the complete lines.
    pub values: Vec<T>,
    /// End of each complete line in the file, including its newline \[bytes\]. `ends[n - 1]` is the length of the file if it
    /// is cut to n lines.
    pub ends: Vec<u64>,
    /// The incomplete last line, if a crash of the writer left one.
    pub torn: Option<String>,
}

/// Appends `line` and a newline to the file at `path`, which is created if absent, and syncs it.
///
/// # Errors
/// The file cannot be opened, or the disk is full. A partly written line is removed, so that a later append does not
/// continue it.
pub fn append_line(path: &Path, line: &str) -> Result<()> {
    ensure!(!line.contains('\n'), "a line of {} must not contain a line break", path.display());
    let failure = || format!("cannot append to {}", path.display());
    let is_new = !path.exists();
    let mut file = OpenOptions::new().create(true).append(true).open(path).with_context(failure)?;
    let end = file.seek(SeekFrom::End(0)).with_context(failure)?;
    let written = file.write_all(format!("{line}\n").as_bytes()).and_then(|()| file.sync_data());
    if written.is_err() {
        // If this fails as well, the next reader finds the incomplete line.
        let _ = file.set_len(end);
    }
    written.with_context(failure)?;
    if is_new {
        sync_folder(path).with_context(failure)?;
    }
    Ok(())
}

/// Reads a log with one JSON value per line. A missing file is an empty log.
///
/// A last line without newline or that is not JSON is incomplete, and returned separately. The file is not changed.
///
/// # Errors
/// The file cannot be read, or another line is not a value of type `T`; the message names file and line.
pub fn read_json_lines<T: DeserializeOwned>(path: &Path) -> Result<JsonLines<T>> {
    let mut log = JsonLines { values: Vec::new(), ends: Vec::new(), torn: None };
    if !path.exists() {
        return Ok(log);
    }
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut end = 0;
    for (number, line) in bytes.split_inclusive(|&byte| byte == b'\n').enumerate() {
        end += line.len();
        let whole = line.ends_with(b"\n") && serde_json::from_slice::<IgnoredAny>(line).is_ok();
        if end == bytes.len() && !whole {
            log.torn = Some(String::from_utf8_lossy(line).into_owned());
            break;
        }
        let value = serde_json::from_slice(line)
            .with_context(|| format!("line {} of {} cannot be read", number + 1, path.display()))?;
        log.values.push(value);
        log.ends.push(end as u64);
    }
    Ok(log)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log_of(content: &[u8]) -> Result<JsonLines<u32>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.jsonl");
        fs::write(&path, content).unwrap();
        read_json_lines(&path)
    }

    #[test]
    fn appended_lines_are_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.jsonl");
        assert!(read_json_lines::<u32>(&path).unwrap().values.is_empty());
        for line in ["1", "22", "333"] {
            append_line(&path, line).unwrap();
        }
        let log = read_json_lines::<u32>(&path).unwrap();
        assert_eq!((log.values, log.ends, log.torn), (vec![1, 22, 333], vec![2, 5, 9], None));
    }

    #[test]
    fn an_incomplete_last_line_is_returned_separately_wherever_it_ends() {
        let whole = b"1\n22\n333\n";
        for length in 0..whole.len() {
            let log = log_of(&whole[..length]).unwrap();
            let complete = whole[..length].iter().filter(|&&byte| byte == b'\n').count();
            assert_eq!(log.values, [1, 22, 333][..complete]);
            let rest = &whole[log.ends.last().map_or(0, |&end| end as usize)..length];
            assert_eq!(log.torn.unwrap_or_default().as_bytes(), rest);
        }
    }

    #[test]
    fn a_last_line_of_zeros_is_incomplete() {
        // Some file systems leave zeros after a power cut.
        assert_eq!(log_of(b"1\n\0\0\0\n").unwrap().torn.as_deref(), Some("\0\0\0\n"));
    }

    #[test]
    fn damage_before_the_last_line_and_a_value_of_another_type_are_errors_that_name_the_line() {
        for content in [&b"1\n2x\n3\n"[..], b"1\n{\"epoch\":2}\n"] {
            let message = format!("{:#}", log_of(content).unwrap_err());
            assert!(message.contains("line 2 of ") && message.contains("log.jsonl"), "{message}");
        }
    }

    #[test]
    fn a_full_disk_is_an_error_that_names_the_file() {
        let message = format!("{:#}", append_line(Path::new("/dev/full"), "1").unwrap_err());
        assert!(message.contains("cannot append to /dev/full: No space left"), "{message}");
    }
}
