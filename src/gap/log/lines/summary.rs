//! Lines below an epoch that are not about it: what a script prints when training is over.

use std::collections::{BTreeMap, BTreeSet};

use super::{Line, figures::Figure};
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
    // A column that stands on the lines that name their epoch has no place elsewhere.
    let is_on_own_lines = |column: &u32| epochs.get(column).is_some_and(|[other, own]| own.len() >= other.len().max(2));
    let mut kept = Vec::with_capacity(lines.len());
    let (mut stated, mut is_over) = (BTreeSet::<u32>::new(), false);
    for mut line in lines {
        if line.begins {
            stated.clear();
            is_over = false;
        }
        if !line.is_own {
            let mut judged = stated.iter().filter(|column| is_of_val(sides[**column as usize])).peekable();
            let is_judged = judged.peek().is_some();
            let judges_anew = judged.all(|column| line.figures.iter().any(|other| other.column == *column));
            let is_trainings = |column: u32| stated.contains(&column) && !is_of_val(sides[column as usize]);
            let trains_anew = line.figures.iter().any(|figure| is_trainings(figure.column));
            // A bar that is redrawn restates all; what restates training alone, after val, is a summary.
            is_over |= is_judged && trains_anew && !judges_anew;
            if is_over {
                continue;
            }
            line.figures.retain(|figure| !is_on_own_lines(&figure.column));
        }
        stated.extend(line.figures.iter().map(|figure| figure.column));
        kept.push(line);
    }
    kept
}

/// Whether the last epoch's lines have stated all of these figures, one of val's among them.
pub fn is_repeated(lines: &[Line], epoch: Option<f64>, figures: &[Figure], table: &Table) -> bool {
    let sides = sides(table);
    let of_epoch =
        || lines.iter().rev().take(LOOK_BACK).take_while(|line| line.epoch == epoch).flat_map(|line| &line.figures);
    figures.iter().any(|figure| is_of_val(sides[figure.column as usize]))
        && figures.iter().all(|figure| of_epoch().any(|other| other.column == figure.column))
}

/// Lines of a log that names no epoch, counted: an epoch ends where a figure comes again after val's has been stated.
pub fn counted(mut lines: Vec<Line>, table: &Table) -> Vec<Line> {
    let sides = sides(table);
    // Columns that the user names: what they hold their names do not tell.
    let named: Vec<u32> =
        (0..).zip(&table.columns).filter(|(_, name)| recognise(name).is_none()).map(|(at, _)| at).collect();
    let (mut epoch, mut stated) = (1.0, BTreeSet::new());
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
