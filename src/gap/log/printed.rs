//! Lists and dictionaries that a Python script printed, anywhere in its output.

use anyhow::Result;
use serde_json::{Map, Value};

use super::{documents, lists, objects::states_epoch, python, table::Table};

/// Longer literals are not figures of epochs \[bytes\].
const SMALL: usize = 1 << 20;
/// Lists at most.
const MOST_LISTS: usize = 64;
/// Brackets of a line at which a dictionary may begin.
const MOST_BRACKETS: usize = 8;

/// Figures as named lists, `train_losses = [0.9, 0.8]`; None where there are no two of them.
pub fn lists(text: &str, table: Table) -> Result<Option<Table>> {
    let mut lists = Map::new();
    let mut at = 0;
    while at < text.len() {
        let line = line(text, at);
        let end = at + line.len() + 1;
        at = match named_list(text, at, line) {
            Some((name, list, end)) if lists.len() < MOST_LISTS && table.keeps(name) => {
                // A list that is printed again has grown.
                lists.insert(name.to_owned(), Value::Array(list));
                end
            }
            _ => end,
        };
    }
    if lists.len() < 2 { Ok(None) } else { documents::table_of(&Value::Object(lists), &table) }
}

/// The name and the items of the list that begins in the line at `at`, and where the text continues behind it.
fn named_list<'a>(text: &'a str, at: usize, line: &'a str) -> Option<(&'a str, Vec<Value>, usize)> {
    let bracket = line.find('[')?;
    let begin = begin_of_call(line, bracket);
    let name = line[..begin].trim().trim_end_matches([':', '=']).trim().trim_matches(['"', '\'']);
    let (list, end) = literal(text, at + begin)?;
    match list {
        Value::Array(list) if list.len() > 1 && !name.is_empty() => Some((name, list, end)),
        _ => None,
    }
}

/// The last dictionary of lists or list of dictionaries that states a loss in several epochs; None where there is none.
pub fn document(text: &str, table: Table) -> Result<Option<Table>> {
    let mut last = None;
    let mut at = 0;
    while at < text.len() {
        let line = line(text, at);
        let mut next = at + line.len() + 1;
        for (bracket, _) in line.match_indices(['{', '[']).take(MOST_BRACKETS) {
            let Some((document, end)) = literal(text, at + begin_of_call(line, bracket)) else { continue };
            if is_of_several_epochs(&document, &table) {
                last = Some(document);
                next = end;
                break;
            }
        }
        at = next;
    }
    last.map_or(Ok(None), |document| documents::table_of(&document, &table))
}

/// Whether a document holds lists of known figures, or several rows of epochs. Rows that name no epoch may be the models of a
/// comparison.
pub fn is_of_several_epochs(document: &Value, table: &Table) -> bool {
    match document {
        Value::Array(items) => {
            let is_counted = |item: &&Value| item.as_object().is_some_and(states_epoch);
            items.iter().filter(is_counted).count() > 1
        }
        Value::Object(fields) => lists::are_in(fields, table),
        _ => false,
    }
}

/// The literal at `at`, and where it ends.
fn literal(text: &str, at: usize) -> Option<(Value, usize)> {
    let mut end = text.len().min(at + SMALL);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let (value, rest) = python::literal(&text[at..end])?;
    Some((value, end - rest.len()))
}

/// Where the call begins whose bracket opens before `bracket`: `np.array([0.5])`; without a call, `bracket`.
fn begin_of_call(line: &str, bracket: usize) -> usize {
    let Some(before) = line[..bracket].strip_suffix('(') else { return bracket };
    let name = before.trim_end_matches(|c: char| c.is_alphanumeric() || "_.".contains(c));
    if name.len() == before.len() { bracket } else { name.len() }
}

/// The line at `at`, without its end.
fn line(text: &str, at: usize) -> &str {
    text[at..].lines().next().unwrap_or_default()
}
