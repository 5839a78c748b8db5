//! Errors of the crate `csv` in words, with the line in front.

use anyhow::{Error, anyhow};

/// `error` as a sentence for people. `line` is the line of the record at a position.
pub(crate) fn csv_error(error: csv::Error, line: impl Fn(&csv::Position) -> u64) -> Error {
    let line = error.position().map_or(0, line);
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            anyhow!("line {line}: {len} columns, where the first line has {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => anyhow!("line {line}: it is not UTF-8"),
        _ => error.into(),
    }
}
