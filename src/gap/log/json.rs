//! JSON: one document, or an object in each line.

use anyhow::Result;
use serde_json::Value;

use super::{documents, objects::push, printed, python, table::Table};

/// Documents longer than this are read line by line \[bytes\]: parsed values take many times as much memory.
const LARGE: usize = 32 << 20;
/// Lines longer than this are not a list of figures \[bytes\].
const SMALL: usize = 1 << 20;

/// The figures in a JSON document or in lines of JSON; None where the text is neither.
pub fn read(text: &str, table: Table) -> Result<Option<Table>> {
    let begin = text.trim_start();
    if !begin.starts_with(['{', '[']) {
        return Ok(None);
    }
    if begin.len() < LARGE
        && let Ok(document) = serde_json::from_str::<Value>(&finite(text))
    {
        return documents::table_of(&document, &table);
    }
    // A printed Python dictionary, such as Keras' `history.history`, or a printed list of rows.
    if begin.len() < SMALL
        && let Some((document, "")) = python::literal(begin.trim_end())
        && printed::is_of_several_epochs(&document, &table)
    {
        return documents::table_of(&document, &table);
    }
    lines(text, table)
}

/// Replaces NaN and Infinity, which Python writes but JSON does not allow, by texts that are read as numbers.
fn finite(text: &str) -> String {
    let mut valid = String::with_capacity(text.len());
    let mut is_text = false;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let word = ["-Infinity", "Infinity", "NaN"].iter().find(|word| !is_text && rest.starts_with(**word));
        if let Some(word) = word {
            valid.push_str(if word.ends_with("NaN") { "\"NaN\"" } else { "\"inf\"" });
            rest = &rest[word.len()..];
            continue;
        }
        if c == '\\' && is_text {
            valid.push(c);
            rest = &rest[1..];
        } else if c == '"' {
            is_text = !is_text;
        }
        let Some(c) = rest.chars().next() else { break };
        valid.push(c);
        rest = &rest[c.len_utf8()..];
    }
    valid
}

/// Reads an object from each line; other lines may stand between them.
fn lines(text: &str, mut table: Table) -> Result<Option<Table>> {
    let mut objects = 0;
    let mut others = 0;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let object = line.starts_with('{').then(|| serde_json::from_str::<Value>(&finite(line)).ok()).flatten();
        match object.as_ref().and_then(Value::as_object) {
            Some(object) => {
                objects += 1;
                push(object, &mut table)?;
            }
            None => others += 1,
        }
    }
    // A few dictionaries among other lines are left to the reader of lines.
    Ok((objects > 0 && objects >= others).then_some(table))
}
