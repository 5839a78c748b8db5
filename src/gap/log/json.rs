//! JSON: one document, or an object in each line.

use anyhow::Result;
use serde_json::{Map, Value};

use super::{
    cell::Cell,
    table::{Row, Table},
};

/// Names that trainers give to the list of a document's rows.
const LISTS: [&str; 8] = ["log_history", "history", "epochs", "logs", "log", "results", "metrics", "records"];

/// Documents longer than this are read line by line \[bytes\]: parsed values take many times as much memory.
const LARGE: usize = 32 << 20;
/// Lines longer than this are not a list of figures \[bytes\].
const SMALL: usize = 1 << 20;
/// Lists at most.
const MOST_LISTS: usize = 64;

/// The figures in a JSON document or in lines of JSON; None where the text is neither.
pub fn read(text: &str, table: Table) -> Result<Option<Table>> {
    let begin = text.trim_start();
    if !begin.starts_with(['{', '[']) {
        return Ok(None);
    }
    if begin.len() < LARGE
        && let Ok(document) = serde_json::from_str::<Value>(&finite(text))
    {
        return document_of(&document, table, 0);
    }
    // A printed Python dictionary, such as Keras' `history.history`.
    if begin.len() < SMALL
        && let Ok(document) = serde_json::from_str::<Value>(&from_python(begin.lines().next().unwrap_or_default()))
        && document
            .as_object()
            .is_some_and(|fields| fields.iter().any(|(name, list)| list.is_array() && table.keeps(name)))
    {
        return document_of(&document, table, 0);
    }
    lines(text, table)
}

/// Figures as named lists, `train_losses = [0.9, 0.8]`, one in a line; None where there are no two of them.
pub fn lists(text: &str, table: Table) -> Result<Option<Table>> {
    let mut lists: Vec<(String, Vec<Value>)> = Vec::new();
    for line in text.lines().filter(|line| line.len() < SMALL) {
        let Some((name, list)) = line.split_once(['=', ':']) else { continue };
        let list = list.trim().trim_end_matches([',', ';']);
        if !list.starts_with('[') {
            continue;
        }
        let list = serde_json::from_str::<Vec<Value>>(&from_python(list));
        let name = name.trim().trim_matches(['"', '\'']);
        if let Ok(list) = list
            && table.keeps(name)
            && lists.len() < MOST_LISTS
        {
            lists.push((name.to_owned(), list));
        }
    }
    let lists: Vec<(&String, &Vec<Value>)> = lists.iter().map(|(name, list)| (name, list)).collect();
    if lists.len() < 2 { Ok(None) } else { columns(&lists, table).map(Some) }
}

/// Python's literals as JSON.
fn from_python(text: &str) -> String {
    let text = text.replace('\'', "\"").replace("nan", "\"NaN\"").replace("inf", "\"inf\"").replace("None", "null");
    text.replace("True", "true").replace("False", "false")
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

/// Reads a document: a list of rows, an object of columns, or either inside an object.
fn document_of(document: &Value, mut table: Table, depth: usize) -> Result<Option<Table>> {
    match document {
        Value::Array(rows) => {
            for row in rows.iter().filter_map(Value::as_object) {
                push(row, &mut table)?;
            }
            Ok((!table.rows.is_empty()).then_some(table))
        }
        Value::Object(fields) => {
            let lists: Vec<(&String, &Vec<Value>)> =
                fields.iter().filter_map(|(name, value)| Some((name, value.as_array()?))).collect();
            if lists.iter().any(|(name, list)| table.keeps(name) && list.iter().any(|value| cell(value).is_some())) {
                return columns(&lists, table).map(Some);
            }
            // pandas writes columns as objects from row to value.
            let by_row: Vec<(&String, Vec<Value>)> = fields
                .iter()
                .filter(|(name, _)| table.keeps(name))
                .filter_map(|(name, value)| Some((name, value.as_object()?.values().cloned().collect())))
                .collect();
            if !by_row.is_empty() {
                let lists: Vec<(&String, &Vec<Value>)> = by_row.iter().map(|(name, list)| (*name, list)).collect();
                return columns(&lists, table).map(Some);
            }
            let named = LISTS.iter().filter_map(|name| fields.get(*name));
            for inside in named.chain(fields.values()).filter(|inside| inside.is_array() || inside.is_object()) {
                if depth < 3
                    && let Some(found) = document_of(inside, table.like(), depth + 1)?
                {
                    return Ok(Some(found));
                }
            }
            // The object is a single row.
            push(fields, &mut table)?;
            Ok(table.rows.iter().any(|row| !row.cells.is_empty()).then_some(table))
        }
        _ => Ok(None),
    }
}

/// Reads a list for each figure, with one entry for each epoch, as in Keras' history.
fn columns(lists: &[(&String, &Vec<Value>)], mut table: Table) -> Result<Table> {
    let columns: Vec<Option<u32>> = lists.iter().map(|(name, _)| table.column(name)).collect::<Result<_>>()?;
    let longest = lists.iter().map(|(_, list)| list.len()).max().unwrap_or_default();
    for at in 0..longest {
        let cells = lists.iter().zip(&columns);
        let cells = cells.filter_map(|((_, list), column)| Some(((*column)?, cell(list.get(at)?)?)));
        table.push(Row { cells: cells.collect(), begins: false })?;
    }
    Ok(table)
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

/// Adds a row with the figures of the object and of the objects inside it: `{"train": {"loss": 0.5}}`.
fn push(object: &Map<String, Value>, table: &mut Table) -> Result<()> {
    let mut cells = Vec::new();
    gather(object, "", table, &mut cells, 0)?;
    table.push(Row { cells, begins: false })
}

fn gather(
    object: &Map<String, Value>,
    prefix: &str,
    table: &mut Table,
    cells: &mut Vec<(u32, Cell)>,
    depth: usize,
) -> Result<()> {
    for (name, value) in object {
        let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
        match value {
            Value::Object(inside) if depth < 3 => gather(inside, &name, table, cells, depth + 1)?,
            value => {
                if let Some(cell) = cell(value)
                    && let Some(column) = table.column(&name)?
                {
                    cells.push((column, cell));
                }
            }
        }
    }
    Ok(())
}

fn cell(value: &Value) -> Option<Cell> {
    match value {
        Value::Number(number) => number.as_f64().map(Cell::Number),
        Value::String(text) => Cell::read(text),
        // `[0.1]`: a figure for each parameter group.
        Value::Array(list) => match &list[..] {
            [only] => cell(only),
            _ => None,
        },
        _ => None,
    }
}
