//! What every reader of a form makes: rows of named cells, in the order of the log.

use std::collections::{BTreeSet, HashMap};

use anyhow::{Result, ensure};

use super::{
    cell::Cell,
    names::{Kind, Meaning, Side, recognise, words},
};

/// Cells and columns above which a log is refused rather than held in memory.
const CELLS: usize = 8_000_000;
const COLUMNS: usize = 2000;
/// Column names that are kept for messages.
const SEEN: usize = 60;

/// Rows of named cells.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// The names of the columns that are kept.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Row>,
    /// The names of the columns that were there, as far as a message has room for.
    pub seen: Vec<String>,
    /// How many epochs were planned, where the log tells.
    pub planned: Option<u32>,
    /// Whether of a figure that an epoch states several times the last counts, rather than the mean.
    pub takes_last: bool,
    /// What is to be said about how it was read.
    pub notes: Vec<String>,
    /// Words by which columns are kept though their names are not known.
    wanted: Vec<Vec<String>>,
    cells: usize,
    /// What was found out about names.
    known: HashMap<String, Option<u32>>,
}

/// One row.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// The column of each cell that states something.
    pub cells: Vec<(u32, Cell)>,
    /// Whether a head was repeated before this row, as when a trainer appends to its file.
    pub begins: bool,
}

impl Table {
    /// An empty table that keeps the columns whose names are known, and those of the names in `wanted`.
    pub fn new(wanted: &[String]) -> Self {
        Self { wanted: wanted.iter().map(|name| words(name)).collect(), ..Self::default() }
    }

    /// An empty table that keeps the same columns as `self`.
    pub fn like(&self) -> Self {
        Self { wanted: self.wanted.clone(), ..Self::default() }
    }

    /// The number of the column `name`, which is made where it is new; None where it is not kept.
    ///
    /// # Errors
    /// There are too many columns.
    pub fn column(&mut self, name: &str) -> Result<Option<u32>> {
        let name = name.trim();
        if let Some(column) = self.known.get(name) {
            return Ok(*column);
        }
        if self.seen.len() < SEEN && !name.is_empty() && !self.seen.iter().any(|other| other == name) {
            self.seen.push(name.to_owned());
        }
        let column = self.keeps(name).then_some(self.columns.len() as u32);
        if column.is_some() {
            ensure!(self.columns.len() < COLUMNS, "it has more than {COLUMNS} columns of losses and accuracies");
            self.columns.push(name.to_owned());
        }
        if self.known.len() < 4 * COLUMNS {
            self.known.insert(name.to_owned(), column);
        }
        Ok(column)
    }

    /// Whether a column of this name is kept.
    pub fn keeps(&self, name: &str) -> bool {
        recognise(name).is_some() || self.is_wanted(name)
    }

    /// Whether a column of this name is kept whatever it means.
    pub fn is_wanted(&self, name: &str) -> bool {
        !self.wanted.is_empty() && self.wanted.contains(&words(name))
    }

    /// Gives a column another name.
    pub fn rename(&mut self, column: u32, name: String) {
        self.known.remove(&self.columns[column as usize]);
        self.known.insert(name.clone(), Some(column));
        self.columns[column as usize] = name;
    }

    /// Adds a row.
    ///
    /// # Errors
    /// There are too many cells.
    pub fn push(&mut self, row: Row) -> Result<()> {
        self.cells += row.cells.len() + 1;
        ensure!(self.cells <= CELLS, "it holds more than {CELLS} figures, which no log of epochs does");
        self.rows.push(row);
        Ok(())
    }

    /// Adds the rows of `other` below these.
    ///
    /// # Errors
    /// There are too many columns or cells.
    pub fn append(&mut self, other: Self) -> Result<()> {
        let columns: Vec<Option<u32>> = other.columns.iter().map(|name| self.column(name)).collect::<Result<_>>()?;
        for row in other.rows {
            let cells = row.cells.into_iter().filter_map(|(column, cell)| Some((columns[column as usize]?, cell)));
            self.push(Row { cells: cells.collect(), begins: row.begins })?;
        }
        for name in other.seen {
            if self.seen.len() < SEEN && !self.seen.contains(&name) {
                self.seen.push(name);
            }
        }
        self.takes_last |= other.takes_last;
        self.planned = self.planned.or(other.planned);
        self.notes.extend(other.notes);
        Ok(())
    }

    /// The columns that hold losses.
    pub fn losses(&self) -> BTreeSet<u32> {
        self.columns_of(|meaning| meaning.kind == Kind::Loss)
    }

    /// The columns whose meaning is wanted.
    pub fn columns_of(&self, is_wanted: impl Fn(Meaning) -> bool) -> BTreeSet<u32> {
        let columns = (0..).zip(&self.columns);
        columns.filter(|(_, name)| recognise(name).is_some_and(&is_wanted)).map(|(column, _)| column).collect()
    }

    /// The columns of losses that a run is trained by, and of those that it is judged by.
    pub fn losses_by_side(&self) -> [BTreeSet<u32>; 2] {
        let is_of_val = |meaning: &Meaning| matches!(meaning.side, Some(Side::Val | Side::Test));
        [false, true].map(|val| self.columns_of(|meaning| meaning.kind == Kind::Loss && is_of_val(&meaning) == val))
    }

    /// Whether a column of this kind is there.
    pub fn has(&self, kind: Kind) -> bool {
        self.columns.iter().any(|name| recognise(name).is_some_and(|meaning| meaning.kind == kind))
    }
}

impl Row {
    /// The cell of a column.
    pub fn get(&self, column: u32) -> Option<&Cell> {
        // The last of several counts.
        self.cells.iter().rev().find(|(other, _)| *other == column).map(|(_, cell)| cell)
    }

    /// The number of a column.
    pub fn number(&self, column: u32) -> Option<f64> {
        self.get(column).and_then(Cell::number)
    }

    /// Whether the row states a loss of each of these sides.
    pub fn is_whole(&self, sides: &[BTreeSet<u32>; 2]) -> bool {
        let states = |columns: &BTreeSet<u32>| {
            self.cells.iter().any(|(column, cell)| columns.contains(column) && cell.number().is_some())
        };
        sides.iter().all(states)
    }
}
