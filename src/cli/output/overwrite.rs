//! May a file be overwritten? Only one that mindgap wrote.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};

use mindgap::report;

/// Refuses `path` if a file is there that is none of ours. `what` names our kind of file and `flag` chooses another.
///
/// # Errors
/// Such a file is there, or it cannot be read.
pub fn check_ours(path: &Path, what: &str, flag: &str, is_ours: impl Fn(&[u8]) -> bool) -> Result<()> {
    if !path.exists() {
        return Ok(());
    }
    ensure!(path.is_file(), "{} is no regular file: choose another {flag}", path.display());
    let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    ensure!(is_ours(&text), "{} is there and is no {what} of mindgap: choose another {flag}", path.display());
    Ok(())
}

/// The same where `mark` stands in every file of ours.
///
/// # Errors
/// As [`check_ours`].
pub fn check_marked(path: &Path, what: &str, flag: &str, mark: &str) -> Result<()> {
    check_ours(path, what, flag, |text| text.windows(mark.len()).any(|bytes| bytes == mark.as_bytes()))
}

/// The same for an HTML page.
///
/// # Errors
/// As [`check_ours`].
pub fn check_our_page(path: &Path, flag: &str) -> Result<()> {
    check_marked(path, "report", flag, report::MARK)
}
