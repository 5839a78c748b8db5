//! The value of `--class-weights`, which may be a table.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use mindgap::{durable, recipe::ClassWeights};

/// What a recipe writes for `text`: that text, or the weights in the file that it names, lines `class,weight` below an optional first line
/// that says so.
/// Fails if it means nothing, or the file cannot be read or is no such table.
pub fn class_weights(text: &str) -> Result<String> {
    let path = Path::new(text);
    if path.is_file() {
        let weights = from_table(&durable::read_text(path)?).and_then(|text| text.parse::<ClassWeights>());
        return Ok(weights.with_context(|| path.display().to_string())?.to_string());
    }
    match text.parse::<ClassWeights>() {
        Ok(weights) => Ok(weights.to_string()),
        Err(error) if text.contains('=') => Err(error),
        Err(error) => bail!("there is no such file; {error}"),
    }
}

/// What the column of classes may be called.
const NAMES: [&str; 5] = ["class", "classes", "label", "name", "category"];

fn from_table(text: &[u8]) -> Result<String> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).trim(csv::Trim::All).from_reader(text);
    let mut parts = Vec::new();
    for (index, row) in reader.records().enumerate() {
        let row = row.context("it is no table of UTF-8 text")?;
        ensure!(
            row.len() == 2,
            "line {} has {} columns, and a class and its weight are expected",
            index + 1,
            row.len()
        );
        let is_head = index == 0 && NAMES.contains(&&*row[0].to_lowercase());
        ensure!(!row[0].contains([',', '=']), "line {}: a class called {:?} cannot be named here", index + 1, &row[0]);
        if !is_head {
            parts.push(format!("{}={}", &row[0], &row[1]));
        }
    }
    ensure!(!parts.is_empty(), "it holds no weight");
    Ok(parts.join(","))
}

#[cfg(test)]
mod tests {
    use super::{ClassWeights, from_table};

    #[test]
    fn a_table_becomes_the_text_of_a_recipe() {
        assert_eq!(from_table(b"class,weight\ndisgust, 3\nfear,1.5\n").unwrap(), "disgust=3,fear=1.5");
        assert_eq!(from_table(b"disgust,3\n").unwrap(), "disgust=3");
        for (text, expected) in [
            ("", "no weight"),
            ("class,weight\n", "no weight"),
            ("disgust,3x\nfear,2\n", "disgust=3x"),
            ("a;1\n", "1 columns"),
            ("\"a,b\",1\n", "cannot be named"),
        ] {
            let read = from_table(text.as_bytes()).and_then(|text| text.parse::<ClassWeights>());
            let message = read.unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}
