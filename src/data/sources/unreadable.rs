//! Files and rows that cannot be read, and how messages list them.

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
///
/// # Errors
/// `bad` is not empty and `skip_bad` is not set. The message names the first ten and counts the rest.
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

/// Lists the first ten of `items`, one indented line each, then "and N more".
pub fn lines(items: impl ExactSizeIterator<Item = impl AsRef<str>>) -> String {
    listed(items, "\n  ", "  ")
}

/// Lists the first ten of `items` in one line, then "and N more".
pub fn in_line(items: impl ExactSizeIterator<Item = impl AsRef<str>>) -> String {
    listed(items, ", ", "")
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
        assert!(message.contains("\n  and 2 more\n") && message.contains("`options.skip_bad`"), "{message}");
        assert!(!tolerate(&bad(10), "images", false).unwrap_err().to_string().contains("more"));
    }
}
