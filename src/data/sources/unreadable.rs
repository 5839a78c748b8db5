//! Files and rows that cannot be read, and how a message lists them.

use anyhow::{Result, ensure};

/// How many names a message spells out before it only counts.
const SPELLED_OUT: usize = 10;

/// An image, or a row of a table, that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadFile {
    /// The file's path, quoted and escaped, or the table's with the line.
    pub name: String,
    /// What is wrong with it.
    pub reason: String,
    /// Its line, if it is a row of a table.
    pub line: Option<u64>,
}

/// `bad` must be empty, or the user has asked to leave such files out (`skip_bad`). `what` names them in the plural.
///
/// # Errors
/// The first ten by name, the rest by number.
pub fn tolerate(bad: &[BadFile], what: &str, skip_bad: bool) -> Result<()> {
    ensure!(
        bad.is_empty() || skip_bad,
        "{} of the {what} cannot be read:\n{}\nRepair or remove what is named, or leave it out with --skip-bad.",
        bad.len(),
        // Decoders may tell their reasons twice, on lines of their own.
        lines(bad.iter().map(|file| format!("{}: {}", file.name, file.reason.lines().next().unwrap_or_default())))
    );
    Ok(())
}

/// The first ten of `items`, one indented line each, then "and N more".
pub fn lines(items: impl ExactSizeIterator<Item = impl AsRef<str>>) -> String {
    listed(items, "\n  ", "  ")
}

/// The first ten of `items` in one line, then "and N more".
pub fn in_line(items: impl ExactSizeIterator<Item = impl AsRef<str>>) -> String {
    listed(items, ", ", "")
}

fn listed(items: impl ExactSizeIterator<Item = impl AsRef<str>>, between: &str, before: &str) -> String {
    let more = items.len().saturating_sub(SPELLED_OUT);
    let mut text = before.to_owned();
    for (i, item) in items.take(SPELLED_OUT).enumerate() {
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

    fn bad(n: usize) -> Vec<BadFile> {
        (0..n)
            .map(|i| BadFile { name: format!("\"{i}.jpg\""), reason: "the file is empty".into(), line: None })
            .collect()
    }

    #[test]
    fn ten_are_named_and_the_rest_counted() {
        let message = tolerate(&bad(12), "images", false).unwrap_err().to_string();
        assert!(
            message.starts_with("12 of the images cannot be read:\n  \"0.jpg\": the file is empty\n  \"1.jpg\""),
            "{message}"
        );
        assert!(message.contains("\"9.jpg\"") && !message.contains("\"10.jpg\""), "{message}");
        assert!(message.contains("\n  and 2 more\n") && message.contains("--skip-bad"), "{message}");
        assert!(!tolerate(&bad(10), "images", false).unwrap_err().to_string().contains("more"));
    }

    #[test]
    fn none_or_an_order_to_skip_is_no_error() {
        assert!(tolerate(&[], "images", false).is_ok());
        assert!(tolerate(&bad(3), "images", true).is_ok());
    }
}
