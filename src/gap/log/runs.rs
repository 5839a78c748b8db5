//! Splits the rows of a log by run: a log may hold several runs, appended, in folds, or resumed.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    cell::Cell,
    keys::Keys,
    order::in_order,
    table::{Row, Table},
};

/// The rows of one run.
#[derive(Debug, Default)]
pub struct RunRows<'a> {
    /// The name of the run, where a column gives one.
    pub name: Option<String>,
    /// The rows, each with the epoch (or, without epochs, the step) that it states.
    pub rows: Vec<(Option<f64>, &'a Row)>,
    /// The first epochs of starts that resumed an earlier one.
    pub resumed: Vec<f64>,
}

/// The runs, in the order of their first rows.
pub fn split<'a>(table: &'a Table, keys: &Keys) -> Vec<RunRows<'a>> {
    let losses = table.losses();
    let mut groups: Vec<(Option<String>, Vec<&Row>)> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for row in &table.rows {
        let name = keys.name(table, row);
        let key = name.clone().unwrap_or_default();
        let place = *places.entry(key).or_insert_with(|| {
            groups.push((name, Vec::new()));
            groups.len() - 1
        });
        groups[place].1.push(row);
    }
    let mut runs = Vec::new();
    for (name, rows) in groups {
        let begins_twice = !table.takes_last && begins_twice(&rows, keys, table);
        runs.extend(restarts(name, &rows, keys, &losses, begins_twice));
    }
    runs
}

/// Splits rows where their epochs begin again. `begins_twice` says that the first epoch was a run of its own.
fn restarts<'a>(
    name: Option<String>,
    rows: &[&'a Row],
    keys: &Keys,
    losses: &BTreeSet<u32>,
    begins_twice: bool,
) -> Vec<RunRows<'a>> {
    let counter = keys.epoch.or(keys.step);
    let mut runs = vec![RunRows { name: name.clone(), ..RunRows::default() }];
    let mut before: Option<f64> = None;
    let mut first: Option<f64> = None;
    let mut stated: BTreeSet<u32> = BTreeSet::new();
    let mut begins = false;
    for row in in_order(rows, keys, losses) {
        // A row whose epoch is a word, such as `mean`, is a summary.
        if counter.is_some_and(|column| matches!(row.get(column), Some(Cell::Text(_)))) {
            continue;
        }
        begins |= row.begins;
        if row.cells.is_empty() {
            continue;
        }
        let here = keys.place(row);
        let own: BTreeSet<u32> =
            row.cells.iter().map(|(column, _)| *column).filter(|column| losses.contains(column)).collect();
        let comes_again = own.iter().any(|column| stated.contains(column));
        let goes_back = here.zip(before).is_some_and(|(here, before)| here < before) && comes_again;
        let is_new = match (here, first) {
            (Some(here), Some(first)) if goes_back => Some(here <= first),
            // A run of one epoch, before one of several: the head of a training, and then all of it.
            (Some(here), Some(first))
                if here == first && comes_again && (begins || begins_twice) && runs.len() == 1 =>
            {
                Some(true)
            }
            _ if begins && counter.is_none() && comes_again => Some(true),
            _ => None,
        };
        match is_new {
            Some(true) => {
                runs.push(RunRows { name: name.clone(), ..RunRows::default() });
                stated.clear();
                first = None;
            }
            Some(false) => resume(runs.last_mut(), here),
            None => {}
        }
        begins = false;
        if !own.is_empty() {
            before = here.or(before);
            first = first.or(here);
        }
        stated.extend(own);
        if let Some(run) = runs.last_mut() {
            run.rows.push((here, row));
        }
    }
    runs
}

/// Whether the first epoch alone is stated twice, with losses that differ: a run of one epoch came before the others.
fn begins_twice(rows: &[&Row], keys: &Keys, table: &Table) -> bool {
    let sides = table.losses_by_side();
    let whole: Vec<(u64, &Row)> = rows
        .iter()
        .filter(|row| row.is_whole(&sides))
        .filter_map(|row| Some((row.number(keys.epoch?)?.to_bits(), *row)))
        .collect();
    let epochs: BTreeSet<u64> = whole.iter().map(|(epoch, _)| *epoch).collect();
    let [(first, one), (second, other), ..] = whole[..] else { return false };
    let differ = sides.iter().flatten().any(|column| one.number(*column) != other.number(*column));
    first == second && differ && epochs.len() > 2 && whole.len() == epochs.len() + 1
}

/// Notes that a later start resumed the run at `here`: rows of that epoch and later ones from before are dropped.
fn resume(run: Option<&mut RunRows>, here: Option<f64>) {
    let (Some(run), Some(here)) = (run, here) else { return };
    let from =
        run.rows.iter().position(|(place, _)| place.is_some_and(|place| place >= here)).unwrap_or(run.rows.len());
    run.rows.truncate(from);
    run.resumed.push(here);
}
