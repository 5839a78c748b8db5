//! The shapes of a JSON document: a list of rows, a list for each figure, an object for each epoch, or these inside an
//! object.

use std::collections::HashMap;

use anyhow::{Result, ensure};
use serde_json::{Map, Value};

use super::{
    cell::Cell,
    groups::RUN,
    index,
    json::{cell, push},
    names::{Kind, label, recognise},
    table::{Row, Table},
};

/// Names that trainers give to the list of a document's rows.
const LISTS: [&str; 8] = ["log_history", "history", "epochs", "logs", "log", "results", "metrics", "records"];
/// Names of the places and of the values of one figure.
const PLACES: [&str; 5] = ["epochs", "epoch", "steps", "step", "x"];
const VALUES: [&str; 3] = ["values", "value", "y"];
/// Deepest object that is searched.
const DEEPEST: usize = 3;

type Fields = Map<String, Value>;

/// The figures of a document; None where it states no loss. The table that is returned keeps the columns that `table` keeps.
pub fn table_of(document: &Value, table: &Table) -> Result<Option<Table>> {
    of(document, table, 0)
}

fn of(document: &Value, table: &Table, depth: usize) -> Result<Option<Table>> {
    match document {
        Value::Array(items) => list(items, table, depth),
        Value::Object(fields) => {
            for shape in [split, columns, by_row, series, by_epoch] {
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

/// A list of rows, of runs, or of `[time, step, value]` as TensorBoard exports one figure.
fn list(items: &[Value], table: &Table, depth: usize) -> Result<Option<Table>> {
    let mut rows = table.like();
    for item in items {
        match item {
            Value::Object(fields) => push(fields, &mut rows)?,
            Value::Array(values) => {
                if let [Value::Number(_), Value::Number(step), Value::Number(value)] = &values[..] {
                    let cells = [("step", step), ("value", value)];
                    let cells = cells.map(|(name, number)| Some((rows.column(name).ok()??, number.as_f64()?)));
                    let cells = cells.into_iter().flatten().map(|(column, number)| (column, Cell::Number(number)));
                    rows.push(Row { cells: cells.collect(), begins: false })?;
                }
            }
            _ => {}
        }
    }
    if rows.has_figures() || depth >= DEEPEST {
        return Ok((!rows.rows.is_empty()).then_some(rows));
    }
    let mut runs = Vec::new();
    for (number, item) in (1..).zip(items).filter(|(_, item)| item.is_object()) {
        if let Some(run) = of(item, table, depth + 1)?
            && run.has_figures()
        {
            runs.push((format!("{number}"), run));
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

/// A list for each figure, with one entry for each epoch, as in Keras' history. Where the training loss has an entry for
/// each batch and the val loss one for each epoch, the entries are numbered as steps.
fn columns(fields: &Fields, mut table: Table) -> Result<Option<Table>> {
    let mut lists = Vec::new();
    gather_lists(fields, "", &mut lists);
    let columns: Vec<Option<u32>> = lists.iter().map(|(name, _)| table.column(name)).collect::<Result<_>>()?;
    let losses = table.figures();
    let all = lists.iter().zip(&columns).filter_map(|((_, list), column)| Some((list.len(), (*column)?)));
    let lengths: Vec<usize> = all.filter(|(_, column)| losses.contains(column)).map(|(length, _)| length).collect();
    let longest = lengths.iter().max().copied().unwrap_or_default();
    let batches = batches_of_an_epoch(&lengths)?;
    let step = if batches > 1 { table.column("step")? } else { None };
    for at in 0..longest {
        let mut cells: Vec<(u32, Cell)> = step.map(|step| (step, Cell::Number((at + 1) as f64))).into_iter().collect();
        for ((_, list), column) in lists.iter().zip(&columns) {
            let is_of_epochs = batches > 1 && list.len() == longest / batches;
            let place = match is_of_epochs {
                true if (at + 1) % batches > 0 => continue,
                true => at / batches,
                false => at,
            };
            cells.extend((*column).zip(list.get(place).and_then(cell)));
        }
        table.push(Row { cells, begins: false })?;
    }
    Ok(Some(table))
}

/// How many entries the longest list of losses has for each entry of the shortest; 1 for lists of one length, of which the
/// last epoch may not have been measured yet.
///
/// # Errors
/// The lengths do not tell which entries belong together.
fn batches_of_an_epoch(lengths: &[usize]) -> Result<usize> {
    let of_figures = || lengths.iter().copied().filter(|length| *length > 0);
    let (Some(longest), Some(shortest)) = (of_figures().max(), of_figures().min()) else { return Ok(1) };
    if longest - shortest <= 1 {
        return Ok(1);
    }
    ensure!(
        of_figures().all(|length| length == longest || length == shortest) && longest.is_multiple_of(shortest),
        "its lists of losses have {longest} and {shortest} entries, which does not tell the entries of one epoch: log each loss \
         once an epoch"
    );
    Ok(longest / shortest)
}

/// The lists of an object, and of the objects in it that a side or a figure names: `{"train": {"loss": […]}}` and
/// `{"loss": {"train": […]}}`.
fn gather_lists<'a>(fields: &'a Fields, prefix: &str, lists: &mut Vec<(String, &'a [Value])>) {
    for (name, value) in fields {
        let path = format!("{prefix}{name}");
        match value {
            Value::Array(list) if list.iter().any(|value| cell(value).is_some()) => lists.push((path, list)),
            Value::Object(inside) if is_side_or_figure(name) => gather_lists(inside, &format!("{path}/"), lists),
            _ => {}
        }
    }
}

/// Whether a field of an object is its epoch or step.
pub fn states_epoch(fields: &Fields) -> bool {
    fields.keys().any(|name| recognise(name).is_some_and(|name| matches!(name.kind, Kind::Epoch | Kind::Step)))
}

/// Whether an object holds lists of known figures.
pub fn has_lists(fields: &Fields, table: &Table) -> bool {
    let mut lists = Vec::new();
    gather_lists(fields, "", &mut lists);
    lists.iter().any(|(name, _)| table.keeps(name))
}

fn is_side_or_figure(name: &str) -> bool {
    let is_figure = |kind| matches!(kind, Kind::Loss | Kind::Accuracy);
    label(name).is_some() || recognise(name).is_some_and(|meaning| is_figure(meaning.kind))
}

/// An object from row to value for each figure, as pandas writes columns. Writers of JSON may sort the rows as texts.
fn by_row(fields: &Fields, mut table: Table) -> Result<Option<Table>> {
    let mut rows: Vec<(Option<index::Named>, Row)> = Vec::new();
    let mut known: HashMap<&str, usize> = HashMap::new();
    for (name, values) in fields {
        let Some(values) = values.as_object() else { continue };
        if values.keys().any(|key| is_side_or_figure(key) || is_place_or_value(key)) {
            continue;
        }
        let Some(column) = table.column(name)? else { continue };
        for (key, value) in values {
            let at = *known.entry(key).or_insert(rows.len());
            if at == rows.len() {
                rows.push((index::number(key), Row::default()));
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

fn is_place_or_value(name: &str) -> bool {
    PLACES.contains(&name) || VALUES.contains(&name)
}

/// For each figure a list of its values and one of their steps, or a list of pairs of both.
fn series(fields: &Fields, mut table: Table) -> Result<Option<Table>> {
    let mut all = Vec::new();
    gather_series(fields, "", &mut all);
    for series in all {
        let Some(column) = table.column(&series.name)? else { continue };
        let place = table.column(if series.is_by_epoch { "epoch" } else { "step" })?;
        for (at, value) in series.values.into_iter().enumerate() {
            let mut cells: Vec<(u32, Cell)> = cell(value).map(|cell| (column, cell)).into_iter().collect();
            cells.extend(place.zip(series.places.get(at).and_then(|place| cell(place))));
            table.push(Row { cells, begins: false })?;
        }
    }
    Ok(Some(table))
}

/// The values of a figure and their places, which are steps or epochs.
#[derive(Default)]
struct Series<'a> {
    name: String,
    is_by_epoch: bool,
    places: Vec<&'a Value>,
    values: Vec<&'a Value>,
}

/// The series of an object, and of the objects in it that a side or a figure names.
fn gather_series<'a>(fields: &'a Fields, prefix: &str, all: &mut Vec<Series<'a>>) {
    for (name, value) in fields {
        let path = format!("{prefix}{name}");
        match value {
            Value::Object(inside) => match of_lists(inside) {
                Some(series) => all.push(Series { name: path, ..series }),
                None if is_side_or_figure(name) => gather_series(inside, &format!("{path}/"), all),
                None => {}
            },
            Value::Array(items) => all.extend(of_pairs(items).map(|series| Series { name: path, ..series })),
            _ => {}
        }
    }
}

/// Sacred's `{"steps": […], "values": […]}`.
fn of_lists(fields: &Fields) -> Option<Series<'_>> {
    let list = |name: &str| fields.get(name).and_then(Value::as_array);
    let values = VALUES.iter().find_map(|name| list(name))?.iter().collect();
    let place = PLACES.iter().find(|name| list(name).is_some());
    let places = place.and_then(|name| list(name)).into_iter().flatten().collect();
    let is_by_epoch = place.is_some_and(|name| name.starts_with("epoch"));
    Some(Series { is_by_epoch, places, values, ..Series::default() })
}

/// `[[1, 0.9], [2, 0.8]]`.
fn of_pairs(items: &[Value]) -> Option<Series<'_>> {
    let mut series = Series::default();
    for item in items {
        let [place @ Value::Number(_), value] = item.as_array()?.as_slice() else { return None };
        series.places.push(place);
        series.values.push(value);
    }
    (!items.is_empty()).then_some(series)
}

/// An object for each epoch, under its number: `{"1": {…}, "2": {…}}` or `{"epoch_1": {…}}`.
fn by_epoch(fields: &Fields, mut table: Table) -> Result<Option<Table>> {
    let mut epochs: Vec<(index::Named, &Fields)> =
        fields.iter().filter_map(|(key, row)| Some((index::number(key)?, row.as_object()?))).collect();
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
