//! Tables whose cells are separated by commas, semicolons or tabs.

use anyhow::{Context, Result};

use super::{
    cell::Cell,
    index,
    names::{Kind, label, recognise},
    table::{Row, Table},
};

/// Lines in which the head is searched.
const HEAD: usize = 200;

/// The table in `text`; None where it holds none.
///
/// # Errors
/// A row cannot be read, or there is too much of it.
pub fn read(text: &str, mut table: Table) -> Result<Option<Table>> {
    let Some((delimiter, text)) = head(text, &table) else { return Ok(None) };
    // A quote inside a cell of free text does not open a quoted cell.
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter as u8)
        .flexible(true)
        .has_headers(false)
        .from_reader(text.as_bytes());
    let mut record = csv::StringRecord::new();
    let mut columns: Vec<Option<u32>> = Vec::new();
    let mut names = csv::StringRecord::new();
    let mut index: Vec<Option<index::Named>> = Vec::new();
    let mut row_number = 0u32;
    while reader.read_record(&mut record).with_context(|| format!("row {row_number} cannot be read"))? {
        row_number += 1;
        if names.is_empty() {
            names = record.clone();
            continue;
        }
        if columns.is_empty() {
            columns = columns_of(&names, &record, &mut table)?;
        }
        // A trainer that appends to its file writes the head again.
        if record == names {
            table.push(Row { cells: Vec::new(), begins: true })?;
            index.push(None);
            continue;
        }
        let cells = record.iter().zip(&columns);
        let cells = cells.filter_map(|(text, column)| Some(((*column)?, table.read_cell((*column)?, text)?)));
        let cells = cells.collect();
        table.push(Row { cells, begins: false })?;
        index.push(record.get(0).and_then(index::number));
    }
    if names.get(0).is_some_and(|name| index::is_name(name.trim())) {
        index::fill(&mut table, &index, false)?;
    }
    Ok(Some(table))
}

/// The columns of these names. Where none names a side, nor is known to say which side a row is about, one that does so in the
/// first row is taken for it.
fn columns_of(names: &csv::StringRecord, first: &csv::StringRecord, table: &mut Table) -> Result<Vec<Option<u32>>> {
    let mut columns: Vec<Option<u32>> = names.iter().map(|name| table.column(name)).collect::<Result<_>>()?;
    if !table.has(Kind::Mode)
        && table.columns_of(|meaning| meaning.side.is_some()).is_empty()
        && let Some(at) =
            (0..columns.len()).find(|&at| columns[at].is_none() && first.get(at).and_then(label).is_some())
    {
        columns[at] = table.column("split")?;
    }
    Ok(columns)
}

/// The delimiter and the text from its head on: the first line with two or more cells, one of which names a loss.
fn head<'a>(text: &'a str, table: &Table) -> Option<(char, &'a str)> {
    let mut begin = 0;
    for line in text.split_inclusive('\n').take(HEAD) {
        let delimiter = [',', ';', '\t'].into_iter().max_by_key(|&sign| line.matches(sign).count())?;
        let cells: Vec<&str> = line.split(delimiter).map(|cell| cell.trim().trim_matches('"')).collect();
        let kinds: Vec<Kind> = cells.iter().filter_map(|cell| recognise(cell)).map(|meaning| meaning.kind).collect();
        let is_long = kinds.contains(&Kind::Value) && (kinds.contains(&Kind::Key) || kinds.contains(&Kind::Step));
        let is_named = cells.iter().filter(|cell| table.keeps(cell)).count() >= 2 && !line.contains(['{', '|']);
        // Settings such as `Namespace(loss='ce', lr=0.1)` and lines such as `training loss:\t0.5` state values.
        let states_values = line.contains('=') || cells.iter().any(|cell| cell.parse::<f64>().is_ok());
        let is_head = cells.len() >= 2 && !states_values && (kinds.contains(&Kind::Loss) || is_long || is_named);
        begin += line.len();
        // `dict_keys(['loss', 'val_loss'])` names losses too, but no row of as many cells follows.
        let next = text[begin..].lines().find(|next| !next.trim().is_empty());
        let has_rows = next.is_some_and(|next| next.contains('"') || next.split(delimiter).count() == cells.len());
        if is_head && has_rows {
            return Some((delimiter, &text[begin - line.len()..]));
        }
    }
    None
}

/// Whether the text is the head of a table and nothing else.
pub fn is_a_head_alone(text: &str) -> bool {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let (Some(head), None) = (lines.next(), lines.next()) else { return false };
    let is_known = |cell: &str| recognise(cell.trim().trim_matches('"')).is_some();
    [',', ';', '\t']
        .iter()
        .any(|sign| head.contains(*sign) && head.split(*sign).filter(|cell| is_known(cell)).count() >= 2)
}

/// The names of the columns of a table without known names; empty where the text is not a table.
pub fn names(text: &str) -> Vec<String> {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let (Some(head), Some(row)) = (lines.next(), lines.next()) else { return Vec::new() };
    let delimiter = [',', ';', '\t'].into_iter().max_by_key(|&sign| head.matches(sign).count()).unwrap_or(',');
    let names: Vec<&str> = head.split(delimiter).map(|name| name.trim().trim_matches('"')).collect();
    let cells: Vec<&str> = row.split(delimiter).collect();
    let is_number = |cell: &&str| matches!(Cell::read(cell), Some(Cell::Number(_) | Cell::Percent(_)));
    let is_table = names.len() >= 2 && names.len() == cells.len() && cells.iter().any(is_number);
    let is_head = names.iter().all(|name| !is_number(name) && name.len() < 60);
    if is_table && is_head { names.into_iter().take(40).map(str::to_owned).collect() } else { Vec::new() }
}
