//! JSON: one document, objects behind each other, or an object in each line.

use anyhow::Result;
use serde_json::Value;

use super::{
    documents,
    objects::{Fields, push},
    printed, python,
    table::Table,
};

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
    if begin.len() < LARGE {
        let objects = objects_of(begin);
        if !objects.is_empty() {
            return rows(&objects, table).map(Some);
        }
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

/// The objects of a text, which stand behind each other; none where anything else does.
fn objects_of(text: &str) -> Vec<Fields> {
    let text = finite(text);
    let objects = serde_json::Deserializer::from_str(&text).into_iter::<Fields>();
    objects.collect::<Result<_, _>>().unwrap_or_default()
}

/// A row for each object.
fn rows(objects: &[Fields], mut table: Table) -> Result<Table> {
    for object in objects {
        push(object, &mut table)?;
    }
    Ok(table)
}

/// Reads the objects of each line; other lines may stand between them.
fn lines(text: &str, mut table: Table) -> Result<Option<Table>> {
    let mut objects = 0;
    let mut others = 0;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let found = if line.starts_with('{') { objects_of(line) } else { Vec::new() };
        if found.is_empty() {
            others += 1;
        }
        for object in &found {
            objects += 1;
            push(object, &mut table)?;
        }
    }
    // A few dictionaries among other lines are left to the reader of lines.
    Ok((objects > 0 && objects >= others).then_some(table))
}
