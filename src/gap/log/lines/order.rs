//! Corrects which epoch and run the lines belong to: figures above the line that names their epoch, numbers that are no
//! runs, and an epoch that has not ended.

use std::collections::{BTreeMap, BTreeSet};

use super::line::Line;
use crate::gap::log::table::Table;

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
    let [train_losses, val_losses] = table.losses_by_side();
    let states = |lines: &[Line], columns: &BTreeSet<u32>| {
        lines.iter().flat_map(|line| &line.figures).any(|figure| columns.contains(&figure.column))
    };
    let [(first, _), .., (last, _)] = named else { return false };
    let mut own_lines = lines.iter().filter(|line| line.is_own).map(std::slice::from_ref);
    states(&lines[..*first], &train_losses)
        && !states(&lines[*last..], &train_losses)
        && !own_lines.clone().any(|own| states(own, &train_losses))
        && (states(&lines[..*first], &val_losses) || own_lines.any(|own| states(own, &val_losses)))
}

/// Removes draws of a bar over epochs that show the count of one epoch beside the figures of the next: the bar is drawn again with its own.
/// A bar over the batches of an epoch has reached its end there.
pub fn drop_early_draws(lines: &mut Vec<Line>) {
    let is_early = |line: &Line, next: &Line| {
        let is_next = line.epoch.zip(next.epoch).is_some_and(|(epoch, next)| next == epoch + 1.0);
        let are_bars = line.has_bar && next.has_bar && line.is_own && next.is_own;
        is_next && are_bars && line.share != Some(100.0) && line.states_as(next)
    };
    let early: Vec<bool> = lines.windows(2).map(|pair| is_early(&pair[0], &pair[1])).collect();
    let mut at = 0;
    lines.retain(|_| {
        at += 1;
        !early.get(at - 1).copied().unwrap_or(false)
    });
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
/// batches so far, and the val loss of the epoch before. Returns whether it did.
pub fn drop_unfinished(lines: &mut Vec<Line>) -> bool {
    let Some(last) = lines.last().and_then(|line| line.epoch) else { return false };
    let begin = lines.iter().rposition(|line| line.epoch != Some(last)).map_or(0, |at| at + 1);
    let is_part = |line: &Line| line.share.is_some_and(|share| share < 100.0);
    let ended = lines[..begin].last().is_some_and(|line| line.share == Some(100.0));
    let is_unfinished = ended && lines[begin..].iter().all(is_part);
    if is_unfinished {
        lines.truncate(begin);
    }
    is_unfinished
}
