//! Rows that are about one side: their figures without a side are that side's.

use anyhow::Result;

use super::{
    cell::Cell,
    names::{Kind, Meaning, Side, label, recognise},
    table::{Row, Table},
};

/// Adds the side of each row to the names of its losses and accuracies that have none.
///
/// A column such as `mode` or `phase` names the side. Without such a column, a row is of val when it has an accuracy but
/// neither the epoch nor the rate that other rows have, as OpenMMLab's trainers write it.
pub fn spread(table: Table) -> Result<Table> {
    let columns = Columns {
        mode: table.first(Kind::Mode),
        epoch: table.first(Kind::Epoch),
        rate: table.first(Kind::Rate),
        meanings: table.columns.iter().map(|name| recognise(name)).collect(),
    };
    if table.rows.iter().all(|row| columns.side_of(row).is_none()) {
        return Ok(table);
    }
    let mut spread = table.rearranged();
    for row in &table.rows {
        let side = columns.side_of(row);
        let mut cells = Vec::with_capacity(row.cells.len());
        for (column, cell) in &row.cells {
            let name = &table.columns[*column as usize];
            let is_bare = columns.is_bare(*column, Kind::Loss) || columns.is_bare(*column, Kind::Accuracy);
            let name = match side {
                Some(side) if is_bare => format!("{}_{name}", side.word()),
                _ => name.clone(),
            };
            cells.extend(spread.column(&name)?.map(|column| (column, cell.clone())));
        }
        spread.push(Row { cells, begins: row.begins })?;
    }
    Ok(spread)
}

/// The columns from which the side of a row is read.
struct Columns {
    mode: Option<u32>,
    epoch: Option<u32>,
    rate: Option<u32>,
    meanings: Vec<Option<Meaning>>,
}

impl Columns {
    fn side_of(&self, row: &Row) -> Option<Side> {
        if let Some(mode) = self.mode {
            return match row.get(mode)? {
                Cell::Text(text) => label(text),
                _ => None,
            };
        }
        let has_neither = row.get(self.epoch?).is_none() && row.get(self.rate?).is_none();
        let has_accuracy = row.cells.iter().any(|(column, _)| self.is_bare(*column, Kind::Accuracy));
        (has_neither && has_accuracy).then_some(Side::Val)
    }

    /// Whether a column is of this kind and names no side.
    fn is_bare(&self, column: u32, kind: Kind) -> bool {
        self.meanings[column as usize].is_some_and(|meaning| meaning.side.is_none() && meaning.kind == kind)
    }
}
