//! The table that the reader of each form fills: rows of named cells, in the order of the log.

use std::collections::{BTreeSet, HashMap};

use anyhow::{Result, bail, ensure};

use super::{
    cell::Cell,
    names::{Kind, Meaning, Side, recognise, words},
    row_number,
};

/// Most cells and columns of a log; a larger log is refused, since it would not fit in memory.
const CELLS: usize = 8_000_000;
const COLUMNS: usize = 2000;
/// Most column names that are kept for messages.
const SEEN: usize = 60;

/// Rows of named cells.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// The names of the columns that are kept.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Row>,
    /// The names of all columns of the log, up to the number that a message lists.
    pub seen: Vec<String>,
    /// Whether the last of several figures in an epoch counts, instead of their mean.
    pub takes_last: bool,
    /// Remarks on how the log was read.
    pub notes: Vec<String>,
    /// Names of columns that are kept although their meaning is not known, as words.
    wanted: Vec<Vec<String>>,
    cells: usize,
    /// The columns of names that were looked up before.
    known: HashMap<String, Option<u32>>,
}

/// One row.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// The column of each cell that states something.
    pub cells: Vec<(u32, Cell)>,
    /// Whether the head of the table was repeated before this row, as by a trainer that appends to its file.
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

    /// An empty table for the same log, in another arrangement: it keeps the same columns, and what is known of the log.
    pub fn rearranged(&self) -> Self {
        Self { seen: self.seen.clone(), takes_last: self.takes_last, notes: self.notes.clone(), ..self.like() }
    }

    /// The number of the column `name`, which is created where it is new; None where it is not kept.
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

    /// Whether the user asked for a column of this name.
    pub fn is_wanted(&self, name: &str) -> bool {
        !self.wanted.is_empty() && self.wanted.contains(&words(name))
    }

    /// The column that a flag names, by its exact name or by its words.
    ///
    /// # Errors
    /// There is no such column; the message lists the existing ones.
    pub fn named(&self, flag: &str, name: &str) -> Result<u32> {
        let exact = self.columns.iter().position(|column| column == name);
        match exact.or_else(|| self.columns.iter().position(|column| words(column) == words(name))) {
            Some(column) => Ok(column as u32),
            None => bail!("{flag} {name}: its columns are {}", self.column_list()),
        }
    }

    /// The names of the log's columns, for a message.
    pub fn column_list(&self) -> String {
        if self.seen.is_empty() {
            return "none".to_owned();
        }
        let shown: Vec<String> = self.seen.iter().take(40).map(|name| format!("`{name}`")).collect();
        let more = if self.seen.len() > 40 { ", …" } else { "" };
        format!("{}{more}", shown.join(", "))
    }

    /// Gives a column another name.
    pub fn rename(&mut self, column: u32, name: String) {
        self.known.remove(&self.columns[column as usize]);
        self.known.insert(name.clone(), Some(column));
        self.columns[column as usize] = name;
    }

    /// Reads the text of a cell in a column; an epoch may be `3/20` or `Epoch 3`.
    pub fn read_cell(&self, column: u32, text: &str) -> Option<Cell> {
        let cell = Cell::read(text)?;
        let Cell::Text(text) = &cell else { return Some(cell) };
        let is_epoch = || recognise(&self.columns[column as usize]).is_some_and(|name| name.kind == Kind::Epoch);
        let number = text.split('/').next().and_then(row_number::number);
        Some(number.filter(|_| is_epoch()).map_or(cell, |epoch| Cell::Number(f64::from(epoch.number))))
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
        self.notes.extend(other.notes);
        Ok(())
    }

    /// Adds each row of `other` to the row of the same number.
    pub fn put_beside(&mut self, other: Self) -> Result<()> {
        let columns: Vec<Option<u32>> = other.columns.iter().map(|name| self.column(name)).collect::<Result<_>>()?;
        for (at, row) in other.rows.into_iter().enumerate() {
            if at == self.rows.len() {
                self.push(Row::default())?;
            }
            let cells = row.cells.into_iter().filter_map(|(column, cell)| Some((columns[column as usize]?, cell)));
            self.rows[at].cells.extend(cells);
        }
        Ok(())
    }

    /// Gives losses and accuracies without a side this one.
    pub fn name_side(&mut self, side: Side) {
        for column in 0..self.columns.len() {
            let name = self.columns[column].clone();
            if recognise(&name)
                .is_some_and(|meaning| meaning.side.is_none() && matches!(meaning.kind, Kind::Loss | Kind::Accuracy))
            {
                self.rename(column as u32, format!("{}_{name}", side.word()));
            }
        }
    }

    /// The columns that hold losses, or figures whose names are not known.
    pub fn figures(&self) -> BTreeSet<u32> {
        let is_figure = |meaning: Meaning| matches!(meaning.kind, Kind::Loss | Kind::Value);
        let columns = (0..).zip(&self.columns);
        columns.filter(|(_, name)| recognise(name).is_none_or(is_figure)).map(|(column, _)| column).collect()
    }

    /// Whether a loss is stated, or a figure whose name is not known.
    pub fn has_figures(&self) -> bool {
        let figures = self.figures();
        self.rows.iter().any(|row| row.states_any(&figures))
    }

    /// Whether a column counts epochs or steps.
    pub fn is_counted(&self) -> bool {
        self.has(Kind::Epoch) || self.has(Kind::Step)
    }

    /// How many epochs state a val loss; without epochs, how many rows. 0 where no training loss is stated.
    pub fn whole_epochs(&self) -> usize {
        let [train, val] = self.losses_by_side();
        let epoch = self.first(Kind::Epoch);
        let mut places = BTreeSet::new();
        for (at, row) in self.rows.iter().enumerate().filter(|(_, row)| row.states_any(&val)) {
            let epoch = epoch.and_then(|column| row.number(column));
            places.insert(epoch.map_or(at as u64, f64::to_bits));
        }
        if self.rows.iter().any(|row| row.states_any(&train)) { places.len() } else { 0 }
    }

    /// The columns that hold losses.
    pub fn losses(&self) -> BTreeSet<u32> {
        self.columns_of(|meaning| meaning.kind == Kind::Loss)
    }

    /// The columns whose meaning satisfies `is_wanted`.
    pub fn columns_of(&self, is_wanted: impl Fn(Meaning) -> bool) -> BTreeSet<u32> {
        let columns = (0..).zip(&self.columns);
        columns.filter(|(_, name)| recognise(name).is_some_and(&is_wanted)).map(|(column, _)| column).collect()
    }

    /// The columns of training losses, and those of val and test losses.
    pub fn losses_by_side(&self) -> [BTreeSet<u32>; 2] {
        [false, true].map(|val| self.columns_of(|meaning| meaning.kind == Kind::Loss && meaning.is_of_val() == val))
    }

    /// Whether each column is measured on val or test.
    pub fn are_of_val(&self) -> Vec<bool> {
        self.columns.iter().map(|name| recognise(name).is_some_and(|meaning| meaning.is_of_val())).collect()
    }

    /// The first column of this kind.
    pub fn first(&self, kind: Kind) -> Option<u32> {
        let is_of_kind = |name: &String| recognise(name).is_some_and(|meaning| meaning.kind == kind);
        self.columns.iter().position(is_of_kind).map(|column| column as u32)
    }

    /// Whether there is a column of this kind.
    pub fn has(&self, kind: Kind) -> bool {
        self.first(kind).is_some()
    }
}

impl Row {
    /// The cell of a column; the last one where the row has several.
    pub fn get(&self, column: u32) -> Option<&Cell> {
        self.cells.iter().rev().find(|(other, _)| *other == column).map(|(_, cell)| cell)
    }

    /// The number of a column.
    pub fn number(&self, column: u32) -> Option<f64> {
        self.get(column).and_then(Cell::number)
    }

    /// Whether the row states a number in one of these columns.
    pub fn states_any(&self, columns: &BTreeSet<u32>) -> bool {
        self.cells.iter().any(|(column, cell)| columns.contains(column) && cell.number().is_some())
    }

    /// Whether the row states a loss of each of these sides.
    pub fn is_whole(&self, sides: &[BTreeSet<u32>; 2]) -> bool {
        sides.iter().all(|columns| self.states_any(columns))
    }
}
