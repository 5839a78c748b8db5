//! Tables with one figure a row: its name, its value, and its step.

use std::collections::BTreeMap;

use anyhow::Result;

use super::{
    cell::Cell,
    names::Kind,
    table::{Row, Table},
};

/// Turns a table of names and values into one with a column for each name.
pub fn pivot(table: Table) -> Result<Table> {
    let (Some(key), Some(value)) = (table.first(Kind::Key), table.first(Kind::Value)) else { return Ok(table) };
    let mut wide = table.like();
    wide.notes.clone_from(&table.notes);
    for (column, name) in (0..).zip(&table.columns) {
        if column != key && column != value {
            wide.column(name)?;
        }
    }
    let mut columns: BTreeMap<Box<str>, Option<u32>> = BTreeMap::new();
    for row in table.rows {
        let Some(Cell::Text(name)) = row.get(key) else { continue };
        let column = match columns.get(name) {
            Some(column) => *column,
            None => {
                let column = wide.column(name)?;
                columns.insert(name.clone(), column);
                column
            }
        };
        let Some((column, cell)) = column.zip(row.get(value)) else { continue };
        let mut cells = vec![(column, cell.clone())];
        for (other, cell) in &row.cells {
            if *other != key && *other != value {
                cells.extend(wide.column(&table.columns[*other as usize])?.map(|column| (column, cell.clone())));
            }
        }
        wide.push(Row { cells, begins: row.begins })?;
    }
    Ok(wide)
}

/// Reads MLflow's file of one metric: `timestamp value step` in each line, the time in milliseconds. None for other text.
pub fn metric_file(text: &str, mut table: Table) -> Result<Option<Table>> {
    let (Some(value), Some(step)) = (table.column("value")?, table.column("step")?) else { return Ok(None) };
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [time, figure, at] = fields[..] else { return Ok(None) };
        let is_time = time.len() == 13 && time.bytes().all(|byte| byte.is_ascii_digit());
        let (Ok(figure), Ok(at)) = (figure.parse(), at.parse::<u32>()) else { return Ok(None) };
        if !is_time {
            return Ok(None);
        }
        let cells = vec![(value, Cell::Number(figure)), (step, Cell::Number(f64::from(at)))];
        table.push(Row { cells, begins: false })?;
    }
    Ok((!table.rows.is_empty()).then_some(table))
}
