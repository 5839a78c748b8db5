//! Several runs side by side, as Weights & Biases exports them: a column `RUN - FIGURE` for each run and figure.

use std::collections::BTreeSet;

use anyhow::Result;

use super::{
    cell::Cell,
    names::{Kind, Side, recognise},
    table::{Row, Table},
};

/// The name of the column of runs.
pub const RUN: &str = "run";

/// Puts the rows of several runs below each other, where the table has them side by side.
pub fn stacked(table: Table) -> Result<Table> {
    let runs: Vec<Option<(&str, &str)>> = table.columns.iter().map(|name| run_and_figure(name)).collect();
    let mut names: Vec<&str> = Vec::new();
    let mut figures: BTreeSet<(Option<Side>, Kind)> = BTreeSet::new();
    let mut are_repeated = false;
    for (run, figure) in runs.iter().flatten() {
        if !names.contains(run) {
            names.push(run);
        }
        let meaning = recognise(figure);
        are_repeated |= meaning.is_some_and(|meaning| !figures.insert((meaning.side, meaning.kind)));
    }
    if names.len() < 2 || !are_repeated {
        return Ok(table);
    }
    let mut stacked = table.rearranged();
    let run_column = stacked.column(RUN)?;
    for run in names {
        for row in &table.rows {
            let mut cells: Vec<(u32, Cell)> =
                run_column.map(|column| (column, Cell::Text(run.into()))).into_iter().collect();
            for (column, cell) in &row.cells {
                let name = match runs[*column as usize] {
                    Some((other, _)) if other != run => continue,
                    Some((_, figure)) => figure,
                    None => table.columns[*column as usize].as_str(),
                };
                cells.extend(stacked.column(name)?.map(|column| (column, cell.clone())));
            }
            stacked.push(Row { cells, begins: false })?;
        }
    }
    Ok(stacked)
}

fn run_and_figure(name: &str) -> Option<(&str, &str)> {
    let (run, figure) = name.rsplit_once(" - ")?;
    recognise(figure).is_some().then_some((run, figure))
}
