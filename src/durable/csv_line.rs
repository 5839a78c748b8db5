//! The line of a record of a CSV text, as an editor counts it.

/// The line, from 1 on, in which the record at `position` of `text` begins.
///
/// The crate sets the position of a record where the one before it ended: before the LF of a line that ends in CRLF, and before
/// blank lines, which it passes over.
pub fn csv_line(text: &[u8], position: &csv::Position) -> u64 {
    let rest = text.get(position.byte() as usize..).unwrap_or_default();
    let passed = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    position.line() + passed.filter(|byte| **byte == b'\n').count() as u64
}

/// What to add to the lines that the crate counts in a stream whose first line is `head`: it counts a line that ends in CRLF when it
/// reads the next one.
pub fn uncounted_lines(head: &[u8]) -> u64 {
    u64::from(head.ends_with(b"\r\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_in_the_lines_that_an_editor_shows() {
        let plain = "name,label\na.png,cat\n\n\nb.png,dog\n\"c\nd\".png,cat\ne.png,cat";
        for text in [plain.to_owned(), plain.replace('\n', "\r\n")] {
            let mut reader = csv::Reader::from_reader(text.as_bytes());
            let lines: Vec<u64> =
                reader.records().map(|record| csv_line(text.as_bytes(), record.unwrap().position().unwrap())).collect();
            assert_eq!(lines, [2, 5, 6, 8], "{text:?}");
        }
    }
}
