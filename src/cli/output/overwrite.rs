//! Checks that only files that mindgap wrote are overwritten.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};

use mindgap::{durable, report};

/// Fails if `path` is a file that mindgap did not write, as `is_ours` tells by its contents. The error names the kind of
/// file, `what`, and the `flag` that chooses another path.
/// Fails too if it is no regular file or cannot be read.
pub fn check_ours(path: &Path, what: &str, flag: &str, is_ours: impl Fn(&[u8]) -> bool) -> Result<()> {
    if !path.exists() {
        return Ok(());
    }
    ensure!(path.is_file(), "{} is no regular file: choose another {flag}", path.display());
    let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    ensure!(is_ours(&text), "{} is there and is no {what} of mindgap: choose another {flag}", path.display());
    Ok(())
}

/// Fails if `path` is a file that does not contain `mark`, which mindgap writes into every file of the kind `what`. `flag`
/// chooses another path.
pub fn check_marked(path: &Path, what: &str, flag: &str, mark: &str) -> Result<()> {
    check_ours(path, what, flag, |text| text.windows(mark.len()).any(|bytes| bytes == mark.as_bytes()))
}

/// Fails if `path` is a file that is not a report of mindgap. `flag` chooses another path.
pub fn check_our_page(path: &Path, flag: &str) -> Result<()> {
    check_marked(path, "report", flag, report::MARK)
}

/// Fails if the file at `path` has other contents than the `new` ones, unless `force` says that it may be replaced. `flag` chooses another
/// path.
pub fn check_unchanged(path: &Path, new: &[u8], force: bool, flag: &str) -> Result<()> {
    ensure!(
        force || !path.exists() || durable::read_text(path)? == new,
        "{} exists with other contents, perhaps because somebody changed it: add --force to replace it, or choose another {flag}",
        path.display()
    );
    Ok(())
}
