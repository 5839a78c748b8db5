//! Averages the losses of single batches into an epoch's training loss.

use std::collections::{BTreeMap, BTreeSet};

use super::line::Line;
use crate::gap::log::{
    cell::Cell,
    names::{Kind, recognise, words},
    table::Table,
};

/// What the lines of one epoch state of one figure.
#[derive(Default)]
struct Tally {
    sum: f64,
    count: f64,
    /// The numbers of the lines.
    lines: Vec<usize>,
    /// The first batch and the last.
    batches: Option<[f64; 2]>,
    /// Whether a later line states the figure of the whole epoch, or the mean up to there.
    is_whole: bool,
}

/// The current epoch of a run.
#[derive(Default)]
struct Epoch {
    /// The bits of its number.
    epoch: Option<u64>,
    /// What its lines state, by column.
    tallies: BTreeMap<u32, Tally>,
}

impl Tally {
    /// Whether `batch` comes no later than the first and the one before it: the epoch begins again. Also counts it.
    fn begins_again(&mut self, batch: Option<f64>) -> bool {
        let Some(batch) = batch else { return false };
        let [first, last] = self.batches.unwrap_or([batch, f64::NEG_INFINITY]);
        let begins = batch <= first.min(last);
        self.batches = Some([if begins { batch } else { first }, batch]);
        begins
    }
}

/// Whether val is measured within the epochs, by a line that states a step, and not batch by batch: in half or more of the epochs with
/// such lines, training losses of later batches follow.
fn is_val_measured_within(lines: &[Line], trains: &BTreeSet<u32>, vals: &BTreeSet<u32>) -> bool {
    let states =
        |line: &Line, columns: &BTreeSet<u32>| line.figures.iter().any(|figure| columns.contains(&figure.column));
    // Whether training follows on val, by run and epoch.
    let mut follows: BTreeMap<(&Option<String>, u64), bool> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.batch.is_some()) {
        let Some(epoch) = line.epoch else { continue };
        let key = (&line.run, epoch.to_bits());
        if states(line, vals) {
            follows.entry(key).or_default();
        } else if states(line, trains)
            && let Some(follows) = follows.get_mut(&key)
        {
            *follows = true;
        }
    }
    let within = follows.values().filter(|follows| **follows).count();
    within > 0 && 2 * within >= follows.len()
}

/// Whether the batches of some epochs, fewer than half of them, are counted from their beginning again, as where a training was interrupted
/// and resumed: what came before is no part of the epoch. In a log of two processes those of each epoch are.
fn begin_again(lines: &[Line]) -> bool {
    let mut tallies: BTreeMap<(&Option<String>, u64, u32), (Tally, bool)> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.batch.is_some()) {
        let Some(epoch) = line.epoch else { continue };
        for figure in &line.figures {
            let (tally, begins) = tallies.entry((&line.run, epoch.to_bits(), figure.column)).or_default();
            *begins |= tally.begins_again(line.batch);
        }
    }
    2 * tallies.values().filter(|(_, begins)| *begins).count() < tallies.len()
}

/// Removes the training losses of batches where another loss, whose name has no side, is stated of nearly every one of their epochs as a
/// whole: `Train Epoch: 1 [64/640] Loss: 2.3` above `epoch 1 average loss: 2.1`. Only where val or test has a loss of its own.
pub fn drop_beside_whole(lines: &mut [Line], table: &Table) {
    let [losses, vals] = table.losses_by_side();
    if !lines.iter().flat_map(|line| &line.figures).any(|figure| vals.contains(&figure.column)) {
        return;
    }
    // The epochs in which each column is stated of a batch, and of the whole epoch.
    let mut epochs: BTreeMap<u32, [BTreeSet<u64>; 2]> = BTreeMap::new();
    for line in lines.iter() {
        let Some(epoch) = line.epoch else { continue };
        for figure in line.figures.iter().filter(|figure| losses.contains(&figure.column)) {
            let is_whole = line.batch.is_none() || figure.is_running;
            epochs.entry(figure.column).or_default()[usize::from(is_whole)].insert(epoch.to_bits());
        }
    }
    let (of_batches, whole): (Vec<_>, Vec<_>) = epochs.iter().partition(|(_, [_, whole])| whole.is_empty());
    let has_whole = |of_batches: &BTreeSet<u64>| {
        whole.iter().any(|(_, [_, whole])| 5 * whole.intersection(of_batches).count() >= 4 * of_batches.len())
    };
    let dropped: BTreeSet<u32> =
        of_batches.iter().filter(|(_, [batches, _])| has_whole(batches)).map(|(column, _)| **column).collect();
    for line in lines.iter_mut() {
        line.figures.retain(|figure| !dropped.contains(&figure.column));
    }
}

/// Replaces the figures of an epoch's batches by their mean, on the last of their lines; or removes them where the log also
/// states a running mean or the figure of the whole epoch.
pub fn average(lines: &mut [Line], table: &Table) {
    let is_averaged: Vec<bool> = table.columns.iter().map(|name| is_averaged(name)).collect();
    let is_of_val = table.are_of_val();
    let [trains, vals] = table.losses_by_side();
    let is_val_whole = is_val_measured_within(lines, &trains, &vals);
    let is_begun_again = begin_again(lines);
    let mut open: BTreeMap<Option<String>, Epoch> = BTreeMap::new();
    let mut closed: Vec<(u32, Tally)> = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let epoch = line.epoch.map(f64::to_bits);
        let of_run = open.entry(line.run.clone()).or_default();
        if of_run.epoch != epoch {
            closed.extend(std::mem::take(&mut of_run.tallies));
            of_run.epoch = epoch;
        }
        let states_any = |columns: &BTreeSet<u32>| line.figures.iter().any(|figure| columns.contains(&figure.column));
        let states_both = states_any(&trains) && states_any(&vals);
        for figure in &line.figures {
            let tally = of_run.tallies.entry(figure.column).or_default();
            // Beside the training loss of some batches, val is measured on all of its images.
            let is_of_a_batch =
                line.batch.is_some() && !((states_both || is_val_whole) && is_of_val[figure.column as usize]);
            let value = figure.cell.number().filter(|_| is_averaged[figure.column as usize]);
            match value {
                Some(value) if is_of_a_batch && !figure.is_running => {
                    if is_begun_again && tally.begins_again(line.batch) {
                        (tally.sum, tally.count) = (0.0, 0.0);
                    }
                    // A whole figure before this batch was an earlier one, or that of a progress bar so far.
                    tally.sum += value;
                    tally.count += 1.0;
                    tally.lines.push(at);
                    tally.is_whole = false;
                }
                _ => tally.is_whole = true,
            }
        }
    }
    closed.extend(open.into_values().flat_map(|epoch| epoch.tallies));
    for (column, tally) in closed {
        let Some((last, others)) = tally.lines.split_last() else { continue };
        for at in others.iter().chain(tally.is_whole.then_some(last)) {
            lines[*at].figures.retain(|figure| figure.column != column);
        }
        let last = lines[*last].figures.iter_mut().filter(|figure| figure.column == column);
        for figure in last {
            figure.cell = match figure.cell {
                Cell::Percent(_) => Cell::Percent(tally.sum / tally.count),
                _ => Cell::Number(tally.sum / tally.count),
            };
        }
    }
}

/// Whether figures of this column may be a batch's: losses and accuracies whose names do not say that they are means.
fn is_averaged(name: &str) -> bool {
    let is_one = recognise(name).is_some_and(|meaning| matches!(meaning.kind, Kind::Loss | Kind::Accuracy));
    let names_a_mean =
        words(name).iter().any(|word| ["avg", "average", "mean", "running", "smoothed"].contains(&word.as_str()));
    is_one && !names_a_mean
}
