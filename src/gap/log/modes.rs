//! Rows that are about one side: the names in them that name none are that side's.

use anyhow::Result;

use super::{
    cell::Cell,
    names::{Kind, Meaning, Side, label, recognise},
    table::{Row, Table},
};

/// The table with the side of each row in the names of its cells.
///
/// A column such as `mode` or `phase` tells it. Without one, rows that lack both the epoch and the rate that other rows
/// state, and state an accuracy, are of val: so write OpenMMLab's trainers.
///
/// # Errors
/// There are too many columns.
pub fn spread(table: Table) -> Result<Table> {
    let meanings: Vec<Option<Meaning>> = table.columns.iter().map(|name| recognise(name)).collect();
    let of = |kind| {
        meanings.iter().position(|meaning| meaning.is_some_and(|meaning| meaning.kind == kind)).map(|at| at as u32)
    };
    let mode = of(Kind::Mode);
    let telling = [of(Kind::Epoch), of(Kind::Rate)];
    let is_bare = |column: u32, kind: Kind| {
        meanings[column as usize].is_some_and(|meaning| meaning.side.is_none() && meaning.kind == kind)
    };
    let side_of = |row: &Row| -> Option<Side> {
        if let Some(mode) = mode {
            return match row.get(mode)? {
                Cell::Text(text) => label(text),
                _ => None,
            };
        }
        let [Some(epoch), Some(rate)] = telling else { return None };
        let is_vals = row.get(epoch).is_none() && row.get(rate).is_none();
        (is_vals && row.cells.iter().any(|(column, _)| is_bare(*column, Kind::Accuracy))).then_some(Side::Val)
    };
    if table.rows.iter().all(|row| side_of(row).is_none()) {
        return Ok(table);
    }
    let mut spread = table.like();
    (spread.planned, spread.takes_last) = (table.planned, table.takes_last);
    (spread.seen, spread.notes) = (table.seen.clone(), table.notes.clone());
    for row in &table.rows {
        let side = side_of(row);
        let mut cells = Vec::with_capacity(row.cells.len());
        for (column, cell) in &row.cells {
            let name = &table.columns[*column as usize];
            let is_sides = is_bare(*column, Kind::Loss) || is_bare(*column, Kind::Accuracy);
            let name = match side {
                Some(side) if is_sides => format!("{}_{name}", side.word()),
                _ => name.clone(),
            };
            cells.extend(spread.column(&name)?.map(|column| (column, cell.clone())));
        }
        spread.push(Row { cells, begins: row.begins })?;
    }
    Ok(spread)
}
