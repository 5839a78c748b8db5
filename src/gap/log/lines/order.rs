//! Corrects which epoch and run the lines belong to: figures above the line that names their epoch, numbers that are no
//! runs, and an epoch that has not ended.

use std::collections::BTreeMap;

use super::line::Line;
use crate::gap::log::{
    names::{Kind, Meaning, Side, recognise},
    table::Table,
};

/// Gives each line the epoch that is named below it, where the log names an epoch after its figures: `Epoch 3 finished`.
///
/// `named` holds the epochs with the number of lines before each.
pub fn move_to_epoch_below(lines: &mut [Line], named: &[(usize, f64)], table: &Table) {
    if !are_above(lines, named, table) {
        return;
    }
    let mut before = None;
    for (at, line) in lines.iter_mut().enumerate().filter(|(_, line)| !line.is_own) {
        let next = named.partition_point(|(above, _)| *above <= at);
        if let Some((_, epoch)) = named.get(next) {
            line.begins = before != Some(next);
            line.epoch = Some(*epoch);
            before = Some(next);
        }
    }
}

/// Whether training comes before the line of its epoch: a training loss is stated above the first epoch, none on the line of
/// an epoch or below the last one, and val losses are stated above the first epoch or on the lines of the epochs.
fn are_above(lines: &[Line], named: &[(usize, f64)], table: &Table) -> bool {
    let meanings: Vec<Option<Meaning>> = table.columns.iter().map(|name| recognise(name)).collect();
    let states = |lines: &[Line], is_wanted: &dyn Fn(Meaning) -> bool| {
        let mut figures = lines.iter().flat_map(|line| &line.figures);
        figures.any(|figure| meanings[figure.column as usize].is_some_and(is_wanted))
    };
    let is_of_val = |meaning: Meaning| matches!(meaning.side, Some(Side::Val | Side::Test));
    let is_train_loss = |meaning: Meaning| meaning.kind == Kind::Loss && !is_of_val(meaning);
    let is_val_loss = |meaning: Meaning| meaning.kind == Kind::Loss && is_of_val(meaning);
    let [(first, _), .., (last, _)] = named else { return false };
    let mut own_lines = lines.iter().filter(|line| line.is_own).map(std::slice::from_ref);
    states(&lines[..*first], &is_train_loss)
        && !states(&lines[*last..], &is_train_loss)
        && !own_lines.clone().any(|own| states(own, &is_train_loss))
        && (states(&lines[..*first], &is_val_loss) || own_lines.any(|own| states(own, &is_val_loss)))
}

/// Removes the names of runs that do not tell runs apart: no epoch appears with two of them.
pub fn drop_false_runs(lines: &mut [Line]) {
    let mut runs: BTreeMap<u64, &Option<String>> = BTreeMap::new();
    for line in lines.iter() {
        let Some(epoch) = line.epoch else { continue };
        if *runs.entry(epoch.to_bits()).or_insert(&line.run) != &line.run {
            return;
        }
    }
    for line in lines {
        line.run = None;
    }
}

/// Removes the last epoch where its progress bar never reaches its end, as those of the epochs before it do: the bar shows
/// batches so far, and the val loss of the epoch before.
pub fn drop_unfinished(lines: &mut Vec<Line>) {
    let Some(last) = lines.last().and_then(|line| line.epoch) else { return };
    let begin = lines.iter().rposition(|line| line.epoch != Some(last)).map_or(0, |at| at + 1);
    let is_part = |line: &Line| line.is_own && line.share.is_some_and(|share| share < 100.0);
    let ended = lines[..begin].last().is_some_and(|line| line.is_own && line.share == Some(100.0));
    if ended && lines[begin..].iter().all(is_part) {
        lines.truncate(begin);
    }
}
