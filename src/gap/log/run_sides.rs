//! A column of runs whose names hold the side: TensorBoard's runs `train` and `validation`, or `resnet/train`.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::{
    cell::Cell,
    names::{Kind, Side, label},
    table::{Row, Table},
};

/// Takes the side out of the names of the runs, where each run has a name for train and one for val or test.
pub fn separated(table: Table) -> Result<Table> {
    let Some(runs) = table.first(Kind::Run).filter(|_| !table.has(Kind::Mode)) else { return Ok(table) };
    if !has_a_name_for_each_side(&table, runs) {
        return Ok(table);
    }
    let mut separated = table.rearranged();
    let side_column = separated.column("split")?;
    let run_column = separated.column(&table.columns[runs as usize])?;
    for row in &table.rows {
        let mut cells = Vec::with_capacity(row.cells.len() + 1);
        for (column, cell) in &row.cells {
            match run_and_side(cell).filter(|_| *column == runs) {
                Some((run, side)) => {
                    cells.extend(side_column.map(|column| (column, Cell::Text(side.word().into()))));
                    cells.extend(run_column.filter(|_| !run.is_empty()).map(|column| (column, Cell::Text(run.into()))));
                }
                None => {
                    let name = &table.columns[*column as usize];
                    cells.extend(separated.column(name)?.map(|column| (column, cell.clone())));
                }
            }
        }
        separated.push(Row { cells, begins: row.begins })?;
    }
    Ok(separated)
}

/// Whether all names end in a side, and those of each run in train and another one.
fn has_a_name_for_each_side(table: &Table, runs: u32) -> bool {
    let mut sides: BTreeMap<&str, BTreeSet<Side>> = BTreeMap::new();
    for cell in table.rows.iter().filter_map(|row| row.get(runs)) {
        let Some((run, side)) = run_and_side(cell) else { return false };
        sides.entry(run).or_default().insert(side);
    }
    !sides.is_empty() && sides.values().all(|sides| sides.contains(&Side::Train) && sides.len() > 1)
}

/// `resnet/train` is run `resnet` and its training images; `train` names no run.
fn run_and_side(cell: &Cell) -> Option<(&str, Side)> {
    let Cell::Text(name) = cell else { return None };
    let (run, last) = name.rsplit_once(['/', '\\', '_', '-']).unwrap_or(("", name));
    label(last).map(|side| (run, side))
}
