//! The shapes of a JSON document: a list of rows, a list for each figure, an object for each epoch, or these inside an
//! object.

use std::collections::HashMap;

use anyhow::Result;
use serde_json::Value;

use super::{
    cell::Cell,
    groups::RUN,
    index, lists,
    names::{Kind, label},
    objects::{Fields, cell, is_side_or_figure, push},
    row_number::{self, RowNumber},
    series,
    table::{Row, Table},
};

/// Names that trainers give to the list of a document's rows.
const LISTS: [&str; 8] = ["log_history", "history", "epochs", "logs", "log", "results", "metrics", "records"];
/// Deepest object that is searched.
const DEEPEST: usize = 3;

/// The figures of a document; None where it states no loss. The table that is returned keeps the columns that `table` keeps.
pub fn table_of(document: &Value, table: &Table) -> Result<Option<Table>> {
    of(document, table, 0)
}

fn of(document: &Value, table: &Table, depth: usize) -> Result<Option<Table>> {
    match document {
        Value::Array(items) => list(items, table, depth),
        Value::Object(fields) => {
            for shape in [split, lists::read, by_row, series::read, by_epoch] {
                if let Some(found) = shape(fields, table.like())?
                    && found.has_figures()
                {
                    return Ok(Some(found));
                }
            }
            inside(fields, table, depth)
        }
        _ => Ok(None),
    }
}

/// A list of rows or of runs.
fn list(items: &[Value], table: &Table, depth: usize) -> Result<Option<Table>> {
    if let Some(single) = series::of_single_figure(items, table.like())? {
        return Ok(Some(single));
    }
    let mut rows = table.like();
    for fields in items.iter().filter_map(Value::as_object) {
        push(fields, &mut rows)?;
    }
    if rows.has_figures() || depth >= DEEPEST {
        return Ok((!rows.rows.is_empty()).then_some(rows));
    }
    let mut runs = Vec::new();
    for (number, item) in (1_u32..).zip(items).filter(|(_, item)| item.is_object()) {
        if let Some(run) = of(item, table, depth + 1)?
            && run.has_figures()
        {
            runs.push((number.to_string(), run));
        }
    }
    if runs.is_empty() { Ok((!rows.rows.is_empty()).then_some(rows)) } else { below(runs, table).map(Some) }
}

/// The names of the columns and their rows apart, as pandas' `orient="split"`.
fn split(fields: &Fields, mut table: Table) -> Result<Option<Table>> {
    let lists = |name: &str| fields.get(name).and_then(Value::as_array);
    let (Some(names), Some(rows)) = (lists("columns"), lists("data")) else { return Ok(None) };
    let names = names.iter().map(|name| table.column(name.as_str().unwrap_or_default()));
    let columns: Vec<Option<u32>> = names.collect::<Result<_>>()?;
    for row in rows.iter().filter_map(Value::as_array) {
        let cells = row.iter().zip(&columns).filter_map(|(value, column)| Some(((*column)?, cell(value)?)));
        table.push(Row { cells: cells.collect(), begins: false })?;
    }
    Ok(Some(table))
}

/// An object from row to value for each figure, as pandas writes columns. Writers of JSON may sort the rows as texts.
fn by_row(fields: &Fields, mut table: Table) -> Result<Option<Table>> {
    let mut rows: Vec<(Option<RowNumber>, Row)> = Vec::new();
    let mut known: HashMap<&str, usize> = HashMap::new();
    for (name, values) in fields {
        let Some(values) = values.as_object() else { continue };
        if values.keys().any(|key| is_side_or_figure(key) || series::is_place_or_value(key)) {
            continue;
        }
        let Some(column) = table.column(name)? else { continue };
        for (key, value) in values {
            let at = *known.entry(key).or_insert(rows.len());
            if at == rows.len() {
                rows.push((row_number::number(key), Row::default()));
            }
            rows[at].1.cells.extend(cell(value).map(|cell| (column, cell)));
        }
    }
    if rows.iter().all(|(number, _)| number.is_some()) {
        rows.sort_by_key(|(number, _)| *number);
    }
    let (numbers, rows): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
    for row in rows {
        table.push(row)?;
    }
    index::fill(&mut table, &numbers, false)?;
    Ok(Some(table))
}

/// An object for each epoch, under its number: `{"1": {…}, "2": {…}}` or `{"epoch_1": {…}}`.
fn by_epoch(fields: &Fields, mut table: Table) -> Result<Option<Table>> {
    let mut epochs: Vec<(RowNumber, &Fields)> =
        fields.iter().filter_map(|(key, row)| Some((row_number::number(key)?, row.as_object()?))).collect();
    epochs.sort_by_key(|(number, _)| *number);
    for (_, row) in &epochs {
        push(row, &mut table)?;
    }
    if table.has(Kind::Epoch) {
        return Ok(Some(table));
    }
    if fields.keys().any(|key| key.parse::<u32>().is_ok()) {
        table.notes.push("The numbers that name the document's objects are taken for epochs.".to_owned());
    }
    for (at, (number, _)) in epochs.iter().enumerate() {
        let column = table.column(number.column())?;
        table.rows[at].cells.extend(column.map(|column| (column, Cell::Number(f64::from(number.number)))));
    }
    Ok(Some(table))
}

/// What the lists and objects inside an object state, or the object as a single row.
fn inside(fields: &Fields, table: &Table, depth: usize) -> Result<Option<Table>> {
    let mut own = table.like();
    push(fields, &mut own)?;
    // A message names the lists that were not read.
    for (name, _) in fields.iter().filter(|(_, value)| value.is_array()) {
        own.column(name)?;
    }
    let mut found: Vec<(String, Table)> = Vec::new();
    for (name, child) in fields {
        if depth < DEEPEST
            && let Some(child) = of(child, table, depth + 1)?
        {
            found.push((name.clone(), child));
        }
    }
    let seen = found.iter().flat_map(|(_, child)| child.seen.clone()).chain(own.seen.clone()).collect();
    found.retain(|(_, child)| child.has_figures());
    for name in LISTS {
        if let Some(at) = found.iter().position(|(other, child)| other == name && child.whole_epochs() > 0) {
            return Ok(Some(found.swap_remove(at).1));
        }
    }
    if let Some(sides) = sides(&mut found)? {
        return Ok(Some(sides));
    }
    if found.iter().filter(|(_, child)| child.whole_epochs() > 1).count() > 1 {
        found.retain(|(_, child)| child.whole_epochs() > 1);
        return below(found, table).map(Some);
    }
    let mut most: Option<(usize, Table)> = None;
    for (_, child) in found {
        let losses = child.losses();
        let stating = child.rows.iter().filter(|row| row.states_any(&losses)).count();
        if most.as_ref().is_none_or(|(most, _)| stating > *most) {
            most = Some((stating, child));
        }
    }
    match most {
        Some((stating, child)) if stating > 1 || !own.has_figures() => Ok(Some(child)),
        _ => {
            own.seen = seen;
            Ok(Some(own))
        }
    }
}

/// The tables that stand below the names of sides, `{"train": [rows], "val": [rows]}`, as one; None where there are no two.
fn sides(found: &mut Vec<(String, Table)>) -> Result<Option<Table>> {
    let sides: Vec<_> = found.iter().filter_map(|(name, _)| label(name)).collect();
    if sides.len() < 2 || sides.iter().enumerate().any(|(at, side)| sides[..at].contains(side)) {
        return Ok(None);
    }
    let mut all: Option<Table> = None;
    for (name, mut table) in found.drain(..) {
        let Some(side) = label(&name) else { continue };
        table.name_side(side);
        match &mut all {
            None => all = Some(table),
            Some(all) if all.is_counted() || table.is_counted() => all.append(table)?,
            Some(all) => all.put_beside(table)?,
        }
    }
    Ok(all)
}

/// The rows of several runs below each other, with a column of their names.
fn below(runs: Vec<(String, Table)>, table: &Table) -> Result<Table> {
    let mut all = table.like();
    for (name, mut run) in runs {
        let column = run.column(RUN)?;
        for row in &mut run.rows {
            row.cells.extend(column.map(|column| (column, Cell::Text(name.as_str().into()))));
        }
        all.append(run)?;
    }
    Ok(all)
}
