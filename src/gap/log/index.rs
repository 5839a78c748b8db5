//! Numbers in front of rows: pandas' index, and the keys of objects such as `{"epoch_1": {…}}`.

use anyhow::Result;

use super::{
    cell::Cell,
    names::{Kind, recognise},
    table::Table,
};

/// A number that names a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    /// Whether the row is named by a step.
    is_step: bool,
    /// The number.
    pub number: u32,
}

impl Named {
    /// The name of the column that the number belongs to.
    pub fn column(self) -> &'static str {
        if self.is_step { "step" } else { "epoch" }
    }
}

/// The number in `7`, `epoch_7`, `Epoch 7` or `step7`.
pub fn number(key: &str) -> Option<Named> {
    let digits = key.trim_start_matches(|c: char| !c.is_ascii_digit());
    let word = key[..key.len() - digits.len()].trim_matches([' ', '_', '-', ':']);
    let kind = recognise(word).map(|meaning| meaning.kind);
    let is_known = word.is_empty() || matches!(kind, Some(Kind::Epoch | Kind::Step));
    let number = digits.parse().ok().filter(|_| is_known)?;
    Some(Named { is_step: kind == Some(Kind::Step), number })
}

/// Whether a column of this name, the first of a table, holds pandas' index.
pub fn is_name(name: &str) -> bool {
    name.is_empty() || name == "Unnamed: 0" || name == "index"
}

/// Takes the numbers of the rows for their epochs, where the table has no epochs and no steps and each number from the
/// lowest to the highest appears once: the rows of a sorted table are in another order than its epochs. Some numbers may be
/// missing where `has_gaps`.
pub fn fill(table: &mut Table, numbers: &[Option<Named>], has_gaps: bool) -> Result<()> {
    let known: Option<Vec<Named>> = numbers.iter().copied().collect();
    let Some(mut sorted) = known else { return Ok(()) };
    sorted.sort();
    let is_next = |pair: &[Named]| pair[1].number == pair[0].number + 1 || has_gaps && pair[1] > pair[0];
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
