//! Lines below an epoch that are not about it: the summary that a script prints when training is over.

use std::collections::{BTreeMap, BTreeSet};

use super::figures::{Figure, Line};
use crate::gap::log::{
    names::{Side, recognise},
    table::Table,
};

/// Lines among which a repeated record is looked for.
const LOOK_BACK: usize = 100;

/// The lines without those that restate, below an epoch and without naming one, what the epoch has stated.
pub fn without_summaries(lines: Vec<Line>, table: &Table) -> Vec<Line> {
    let sides = sides(table);
    let mut epochs: BTreeMap<u32, [BTreeSet<u64>; 2]> = BTreeMap::new();
    for line in &lines {
        for figure in &line.figures {
            epochs.entry(figure.column).or_default()[usize::from(line.is_own)]
                .insert(line.epoch.unwrap_or(-1.0).to_bits());
        }
    }
    // A column of the lines that name their epoch is not read from other lines.
    let on_own_lines: BTreeSet<u32> =
        epochs.iter().filter(|(_, [other, own])| own.len() >= other.len().max(2)).map(|(column, _)| *column).collect();
    let mut kept = Vec::with_capacity(lines.len());
    let mut stated: BTreeSet<u32> = BTreeSet::new();
    let mut is_over = false;
    for mut line in lines {
        if line.begins {
            stated.clear();
            is_over = false;
        }
        if !line.is_own {
            let of_line: BTreeSet<u32> = line.figures.iter().map(|figure| figure.column).collect();
            let (val, train): (BTreeSet<u32>, BTreeSet<u32>) =
                stated.iter().partition(|column| is_of_val(sides[**column as usize]));
            // A redrawn progress bar restates all figures. A line that restates training alone, after val, is a summary.
            is_over |= !val.is_empty() && !train.is_disjoint(&of_line) && !val.is_subset(&of_line);
            if is_over {
                continue;
            }
            line.figures.retain(|figure| !on_own_lines.contains(&figure.column));
        }
        stated.extend(line.figures.iter().map(|figure| figure.column));
        kept.push(line);
    }
    kept
}

/// Whether the last epoch's lines have stated all of these figures, at least one of them of val.
pub fn is_repeated(lines: &[Line], epoch: Option<f64>, figures: &[Figure], table: &Table) -> bool {
    let sides = sides(table);
    let of_epoch = lines.iter().rev().take(LOOK_BACK).take_while(|line| line.epoch == epoch);
    let stated: BTreeSet<u32> = of_epoch.flat_map(|line| &line.figures).map(|figure| figure.column).collect();
    figures.iter().any(|figure| is_of_val(sides[figure.column as usize]))
        && figures.iter().all(|figure| stated.contains(&figure.column))
}

/// Counts the epochs of a log that names none: an epoch ends where a figure comes again after one of val.
pub fn counted(mut lines: Vec<Line>, table: &Table) -> Vec<Line> {
    let sides = sides(table);
    // Columns that the user names and whose names do not say what they hold.
    let named: Vec<u32> =
        (0..).zip(&table.columns).filter(|(_, name)| recognise(name).is_none()).map(|(at, _)| at).collect();
    let mut epoch = 1.0;
    let mut stated = BTreeSet::new();
    for line in &mut lines {
        let comes_again = line.figures.iter().any(|figure| stated.contains(&figure.column));
        let is_judged = stated.iter().any(|column: &u32| is_of_val(sides[*column as usize]))
            || !named.is_empty() && named.iter().all(|column| stated.contains(column));
        if comes_again && is_judged {
            epoch += 1.0;
            stated.clear();
        }
        stated.extend(line.figures.iter().map(|figure| figure.column));
        line.epoch = Some(epoch);
    }
    lines
}

fn sides(table: &Table) -> Vec<Option<Side>> {
    table.columns.iter().map(|name| recognise(name).and_then(|meaning| meaning.side)).collect()
}

fn is_of_val(side: Option<Side>) -> bool {
    matches!(side, Some(Side::Val | Side::Test))
}
