//! Files and rows that cannot be read, and how messages list them.

use std::fmt::Debug;

use anyhow::{Result, ensure};

/// Number of names that a message lists before it only counts the rest.
const NAMED: usize = 10;

/// An image file, or a row of a table, that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadFile {
    /// Quoted, escaped path of the file, or of the table with the line.
    pub name: String,
    /// Why it cannot be read.
    pub reason: String,
    /// Line number of a row of a table.
    pub line: Option<u64>,
}

/// Accepts unreadable files only where `skip_bad` allows it. `what` names the files in the plural.
/// Fails if `bad` is not empty and `skip_bad` is not set. The message names the first ten and counts the rest.
pub fn tolerate(bad: &[BadFile], what: &str, skip_bad: bool) -> Result<()> {
    ensure!(
        bad.is_empty() || skip_bad,
        "{} of the {what} cannot be read:\n{}\nRepair or remove them, or leave them out (`options.skip_bad`).",
        bad.len(),
        // Some decoders repeat the reason on further lines.
        lines(bad.iter().map(|file| format!("{}: {}", file.name, file.reason.lines().next().unwrap_or_default())))
    );
    Ok(())
}

/// A note that the images `bad` were left out, if there are any.
pub fn note(bad: &[BadFile]) -> Option<String> {
    let names = in_line(bad.iter().map(|file| &file.name));
    let left_out = "images that cannot be read were left out (`options.skip_bad`)";
    (!bad.is_empty()).then(|| format!("{} {left_out}: {names}.", bad.len()))
}

/// Checks that there are no `items` with a `fault`, which is told in the plural; `option` names their table.
/// Fails if there are some; the message counts them and lists the first ten.
pub fn check_none(items: &[String], option: &str, fault: &str) -> Result<()> {
    ensure!(items.is_empty(), "{option}: {} {fault}:\n{}", items.len(), lines(items.iter()));
    Ok(())
}

/// Lists the first ten of `items`, one indented line each, then "and N more".
pub fn lines(items: impl ExactSizeIterator<Item = impl AsRef<str>>) -> String {
    listed(items, "\n  ", "  ")
}

/// Lists the first ten of `items` in one line, then "and N more".
pub fn in_line(items: impl ExactSizeIterator<Item = impl AsRef<str>>) -> String {
    listed(items, ", ", "")
}

/// Lists the first ten of `items` in one line, each in quotes, then "and N more".
pub fn quoted(items: impl ExactSizeIterator<Item = impl Debug>) -> String {
    in_line(items.map(|item| format!("{item:?}")))
}

fn listed(items: impl ExactSizeIterator<Item = impl AsRef<str>>, between: &str, before: &str) -> String {
    let more = items.len().saturating_sub(NAMED);
    let mut text = before.to_owned();
    for (i, item) in items.take(NAMED).enumerate() {
        text += if i == 0 { "" } else { between };
        text += item.as_ref();
    }
    if more > 0 {
        text += &format!("{between}and {more} more");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_are_named_and_the_rest_counted() {
        let list = |n: usize| lines((0..n).map(|number| number.to_string()));
        assert!(list(12).starts_with("  0\n  1\n") && list(12).ends_with("\n  9\n  and 2 more"), "{}", list(12));
        assert!(list(10).ends_with("\n  9"), "{}", list(10));
    }
}
