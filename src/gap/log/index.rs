//! Numbers in front of rows: pandas' index, and the keys of objects such as `{"epoch_1": {…}}`.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};

use super::{
    cell::Cell,
    names::Kind,
    row_number::{RowNumber, number},
    table::Table,
};

/// Whether a column of this name, the first of a table, holds pandas' index.
pub fn is_name(name: &str) -> bool {
    name.is_empty() || name == "Unnamed: 0" || name == "index"
}

/// What stands in front of the rows of a table.
#[derive(Default)]
pub struct Index {
    /// Whether a column has a name for it.
    pub is_named: bool,
    numbers: Vec<Option<RowNumber>>,
    /// The words before each row so far; empty as soon as a row begins with none.
    words: Vec<String>,
}

impl Index {
    /// Adds the first cell of the next row.
    pub fn push(&mut self, text: &str) {
        let is_word = text.starts_with(char::is_alphabetic) && !text.contains(':') && number(text).is_none();
        if is_word && self.words.len() == self.numbers.len() {
            self.words.push(text.to_owned());
        }
        self.numbers.push(number(text));
    }

    /// Takes the numbers of the rows for their epochs, where no column is named for them; see [`fill`].
    ///
    /// # Errors
    /// Each row has a name of its own, as in a comparison of models.
    pub fn fill(&self, table: &mut Table, has_gaps: bool) -> Result<()> {
        let is_of_epochs = table.is_counted() || self.words.len() < self.numbers.len();
        ensure_epochs(is_of_epochs, &self.words)?;
        if self.is_named { Ok(()) } else { fill(table, &self.numbers, has_gaps) }
    }
}

/// Refuses a table in which each row is another run: a column of runs has another text in each, and its epochs do not rise.
///
/// # Errors
/// The rows are no epochs.
pub fn refuse_comparison(table: &Table) -> Result<()> {
    let Some(run) = table.first(Kind::Run) else { return Ok(()) };
    let losses = table.losses();
    let mut names = Vec::new();
    let mut epochs = Vec::new();
    for row in table.rows.iter().filter(|row| row.states_any(&losses)) {
        match row.get(run) {
            Some(Cell::Text(name)) if number(name).is_none() => names.push(name.to_string()),
            _ => return Ok(()),
        }
        epochs.push(table.first(Kind::Epoch).or(table.first(Kind::Step)).and_then(|column| row.number(column)));
    }
    let rises = epochs.windows(2).all(|pair| pair[0].zip(pair[1]).is_some_and(|(one, next)| one < next));
    ensure_epochs(rises, &names)
}

fn ensure_epochs(are_epochs: bool, names: &[String]) -> Result<()> {
    let different: BTreeSet<&String> = names.iter().collect();
    ensure!(
        are_epochs || names.len() < 2 || different.len() < names.len(),
        "each of its rows has a name of its own (`{}`, `{}`), so that they are not the epochs of one training: diagnose the log \
         of one",
        names[0],
        names[1]
    );
    Ok(())
}

/// Takes the numbers of the rows for their epochs, where the table has no epochs and no steps and each number from the
/// lowest to the highest appears once: the rows of a sorted table are in another order than its epochs. Some numbers may be
/// missing where `has_gaps`.
pub fn fill(table: &mut Table, numbers: &[Option<RowNumber>], has_gaps: bool) -> Result<()> {
    let known: Option<Vec<RowNumber>> = numbers.iter().copied().collect();
    let Some(mut sorted) = known else { return Ok(()) };
    sorted.sort();
    let is_next = |pair: &[RowNumber]| pair[1].number == pair[0].number + 1 || has_gaps && pair[1] > pair[0];
    let is_whole = sorted.windows(2).all(is_next);
    // The index of several runs below each other counts their rows, not their epochs.
    let tells_runs_apart = table.has(Kind::Run) || table.has(Kind::Mode) || table.has(Kind::Key);
    if table.is_counted() || tells_runs_apart || !is_whole || numbers.len() != table.rows.len() {
        return Ok(());
    }
    let Some(first) = sorted.first() else { return Ok(()) };
    let Some(column) = table.column(first.column())? else { return Ok(()) };
    for (row, number) in table.rows.iter_mut().zip(numbers.iter().flatten()) {
        row.cells.push((column, Cell::Number(f64::from(number.number))));
    }
    Ok(())
}
