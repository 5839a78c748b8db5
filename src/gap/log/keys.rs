//! The columns that say which epoch and which run a row belongs to.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::{
    Columns,
    cell::Cell,
    names::{Kind, label, recognise},
    table::{Row, Table},
};

/// Runs that a learning rate may tell apart.
const MOST_RATES: usize = 50;

/// Columns by number.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    /// The epoch.
    pub epoch: Option<u32>,
    /// The number of updates.
    pub step: Option<u32>,
    /// Those that together tell runs apart: run, fold, seed, model.
    pub runs: Vec<u32>,
}

impl Keys {
    /// Those of `table`.
    ///
    /// # Errors
    /// A column that was named is not there.
    pub fn of(table: &Table, named: &Columns) -> Result<Self> {
        let of = |kind| {
            let columns = table.columns.iter().enumerate();
            let ranked = columns.filter_map(|(at, name)| {
                let meaning = recognise(name).filter(|meaning| meaning.kind == kind)?;
                Some((meaning.rank, std::cmp::Reverse(at)))
            });
            ranked.max().map(|(_, at)| at.0 as u32)
        };
        let epoch = match &named.epoch {
            Some(name) => Some(super::fields::named(table, "--epoch", name)?),
            None => of(Kind::Epoch),
        };
        let has_numbers = |column: &u32| table.rows.iter().any(|row| row.number(*column).is_some());
        let mut keys =
            Self { epoch: epoch.filter(has_numbers), step: of(Kind::Step).filter(has_numbers), runs: Vec::new() };
        let is_surely_a_run =
            |column: &u32| recognise(&table.columns[*column as usize]).is_some_and(|run| run.rank >= 7);
        keys.runs.extend(of(Kind::Run).filter(is_surely_a_run));
        for column in 0..table.columns.len() as u32 {
            if !keys.runs.contains(&column) && is_run(table, &keys, column) {
                keys.runs.push(column);
            }
        }
        Ok(keys)
    }

    /// What the columns of runs say of a row.
    pub fn name(&self, table: &Table, row: &Row) -> Option<String> {
        let name = |column: &u32| {
            Some(match row.get(*column)? {
                Cell::Text(text) => text.to_string(),
                // A lone number does not say of what.
                Cell::Number(value) | Cell::Percent(value) => match table.columns[*column as usize].as_str() {
                    "run" => value.to_string(),
                    column => format!("{column} {value}"),
                },
            })
        };
        let names: Vec<String> = self.runs.iter().filter_map(name).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }

    /// The epoch, or without epochs the step, that a row states.
    pub fn place(&self, row: &Row) -> Option<f64> {
        self.epoch.or(self.step).and_then(|column| row.number(column)).filter(|place| place.is_finite())
    }
}

/// Whether a column that may say the same in every row tells runs apart: one epoch stands with several of its values.
fn is_run(table: &Table, keys: &Keys, column: u32) -> bool {
    let Some(meaning) = recognise(&table.columns[column as usize]) else { return false };
    match meaning.kind {
        Kind::Run => repeats_epochs(table, keys, column),
        // `dataset` may hold sides, or names.
        Kind::Mode => {
            let is_side = |row: &Row| matches!(row.get(column), Some(Cell::Text(text)) if label(text).is_some());
            !table.rows.iter().any(is_side) && repeats_epochs(table, keys, column)
        }
        Kind::Rate => sweeps(table, keys, column),
        _ => false,
    }
}

/// Whether the epochs of one value come again with others, and a value stands for more than a row.
fn repeats_epochs(table: &Table, keys: &Keys, column: u32) -> bool {
    let losses = table.losses();
    let mut first: BTreeMap<(Option<String>, u64, u32), String> = BTreeMap::new();
    let (mut values, mut pairs) = (BTreeSet::new(), BTreeSet::new());
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

/// Whether every epoch stands once for each of several rates: a sweep, and no schedule.
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
