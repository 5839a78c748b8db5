//! The columns that say which epoch and which run a row belongs to.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::{
    cell::Cell,
    names::{Kind, label, recognise},
    options::Columns,
    table::{Row, Table},
};

/// Most runs of a sweep over learning rates.
const MOST_RATES: usize = 50;
/// A column of runs whose name ranks at least so high always separates runs.
const CERTAIN: i8 = 7;

/// The columns of epochs, steps and runs, by number.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    /// The epoch.
    pub epoch: Option<u32>,
    /// The number of updates.
    pub step: Option<u32>,
    /// The columns that together separate runs: run, fold, seed, model.
    pub runs: Vec<u32>,
}

impl Keys {
    /// Finds the key columns of `table`.
    ///
    /// # Errors
    /// A column that the user named does not exist.
    pub fn of(table: &Table, named: &Columns) -> Result<Self> {
        let epoch = match &named.epoch {
            Some(name) => Some(table.named("--epoch", name)?),
            None => highest_ranking(table, Kind::Epoch),
        };
        let mut keys = Self {
            epoch: epoch.filter(|&column| has_numbers(table, column)),
            step: highest_ranking(table, Kind::Step).filter(|&column| has_numbers(table, column)),
            runs: Vec::new(),
        };
        if let Some(column) = highest_ranking(table, Kind::Run)
            && recognise(&table.columns[column as usize]).is_some_and(|meaning| meaning.rank >= CERTAIN)
        {
            keys.runs.push(column);
        }
        for column in 0..table.columns.len() as u32 {
            if !keys.runs.contains(&column) && is_run(table, &keys, column) {
                keys.runs.push(column);
            }
        }
        Ok(keys)
    }

    /// The name of a row's run; None where no column separates runs.
    pub fn name(&self, table: &Table, row: &Row) -> Option<String> {
        let mut names = Vec::new();
        for &column in &self.runs {
            match row.get(column) {
                Some(Cell::Text(text)) => names.push(text.to_string()),
                // A number alone does not say what it numbers.
                Some(Cell::Number(value) | Cell::Percent(value)) => match table.columns[column as usize].as_str() {
                    "run" => names.push(value.to_string()),
                    column => names.push(format!("{column} {value}")),
                },
                None => {}
            }
        }
        (!names.is_empty()).then(|| names.join(", "))
    }

    /// The epoch, or without epochs the step, that a row states.
    pub fn place(&self, row: &Row) -> Option<f64> {
        self.epoch.or(self.step).and_then(|column| row.number(column)).filter(|place| place.is_finite())
    }
}

/// The column of this kind whose name ranks highest; of equal ones the first.
fn highest_ranking(table: &Table, kind: Kind) -> Option<u32> {
    let mut best: Option<(i8, u32)> = None;
    for (column, name) in (0..).zip(&table.columns) {
        if let Some(meaning) = recognise(name)
            && meaning.kind == kind
            && best.is_none_or(|(rank, _)| meaning.rank > rank)
        {
            best = Some((meaning.rank, column));
        }
    }
    best.map(|(_, column)| column)
}

fn has_numbers(table: &Table, column: u32) -> bool {
    table.rows.iter().any(|row| row.number(column).is_some())
}

/// Whether a column separates runs. Its value may be the same in every row; it separates runs where one epoch appears with
/// several of its values.
fn is_run(table: &Table, keys: &Keys, column: u32) -> bool {
    let Some(meaning) = recognise(&table.columns[column as usize]) else { return false };
    match meaning.kind {
        Kind::Run => repeats_epochs(table, keys, column),
        // `dataset` may hold sides, or names of data sets.
        Kind::Mode => {
            let names_sides =
                table.rows.iter().any(|row| matches!(row.get(column), Some(Cell::Text(text)) if label(text).is_some()));
            !names_sides && repeats_epochs(table, keys, column)
        }
        Kind::Rate => sweeps(table, keys, column),
        _ => false,
    }
}

/// Whether the epochs of one value appear again with other values, and each value has more than one row on average.
fn repeats_epochs(table: &Table, keys: &Keys, column: u32) -> bool {
    let losses = table.losses();
    let mut first: BTreeMap<(Option<String>, u64, u32), String> = BTreeMap::new();
    let mut values = BTreeSet::new();
    let mut pairs = BTreeSet::new();
    let mut is_repeated = false;
    for (at, row) in table.rows.iter().enumerate() {
        let Some(value) = row.get(column).map(|cell| format!("{cell:?}")) else { continue };
        let place = keys.place(row).map_or(0, f64::to_bits);
        for (loss, _) in row.cells.iter().filter(|(column, cell)| losses.contains(column) && cell.number().is_some()) {
            let other = first.entry((keys.name(table, row), place, *loss)).or_insert_with(|| value.clone());
            is_repeated |= *other != value;
            pairs.insert((value.clone(), if keys.epoch.or(keys.step).is_some() { place } else { at as u64 }));
        }
        values.insert(value);
    }
    is_repeated && pairs.len() >= 2 * values.len()
}

/// Whether every epoch appears once for each of several rates, which makes them a sweep, not a schedule.
fn sweeps(table: &Table, keys: &Keys, column: u32) -> bool {
    let mut rates: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
    let sides = table.losses_by_side();
    for row in table.rows.iter().filter(|row| row.is_whole(&sides)) {
        let (Some(place), Some(rate)) = (keys.place(row), row.number(column)) else { continue };
        let of_place = rates.entry(place.to_bits()).or_default();
        if !of_place.insert(rate.to_bits()) || of_place.len() > MOST_RATES {
            return false;
        }
    }
    let Some((_, of_first)) = rates.first_key_value() else { return false };
    of_first.len() > 1
        && rates.values().filter(|rates| rates.len() > 1).count() > 1
        && rates.values().all(|rates| rates.is_subset(of_first))
}
