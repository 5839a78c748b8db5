//! Puts the rows of a run together, epoch by epoch.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};

use super::{
    keys::Keys,
    names::{Kind, words},
    places::places,
    runs::RunRows,
    table::{Row, Table},
};

/// The share by which figures of one epoch may differ within one run: each process of a parallel run prints its own.
const ALIKE: f64 = 0.01;
/// Epochs that a note lists.
const LISTED: usize = 6;

/// What an epoch states, by column; NaN where the log says that a figure is not a number.
pub type Stated = BTreeMap<u32, f64>;

/// The epochs of a run.
#[derive(Debug, Default)]
pub struct RunEpochs {
    /// Epoch and figures, rising.
    pub epochs: Vec<(u32, Stated)>,
    /// Remarks on how they were counted.
    pub notes: Vec<String>,
}

/// Puts the rows of a run together.
///
/// # Errors
/// Every epoch is stated several times, with figures that differ.
pub fn gather(table: &Table, run: &RunRows, keys: &Keys) -> Result<RunEpochs> {
    let (mut places, counting) = places(table, run, keys);
    let repetition = drop_repeated(table, run, keys, &mut places)?;
    let mut sums: BTreeMap<u32, BTreeMap<u32, Sum>> = BTreeMap::new();
    for ((_, row), place) in run.rows.iter().zip(places) {
        let Some(place) = place else { continue };
        let step = keys.step.and_then(|column| row.number(column)).map(f64::to_bits);
        let of_epoch = sums.entry(place).or_default();
        for (column, cell) in &row.cells {
            if let Some(value) = cell.number() {
                of_epoch.entry(*column).or_default().add(value, step);
            }
        }
    }
    let rates = table.columns_of(|meaning| meaning.kind == Kind::Rate);
    let of_val = table.are_of_val();
    let mut epochs = Vec::new();
    for (epoch, sums) in sums {
        let mut stated = Stated::new();
        for (column, sum) in sums {
            // Val that is measured after several steps of an epoch was last measured at its end.
            let takes_last = table.takes_last || rates.contains(&column) || of_val[column as usize] && sum.spans_steps;
            stated.insert(column, sum.value(takes_last));
        }
        epochs.push((epoch, stated));
    }
    Ok(RunEpochs { epochs, notes: counting.into_iter().chain(repetition).collect() })
}

/// Drops the earlier rows of epochs that are stated several times, as a resumed run does, or the later ones where it is the last epoch alone, as
/// a closing evaluation does; returns a remark.
fn drop_repeated(table: &Table, run: &RunRows, keys: &Keys, places: &mut [Option<u32>]) -> Result<Option<String>> {
    // A progress bar is redrawn, and a log with steps measures several times in an epoch.
    if table.takes_last || keys.epoch.is_none() || table.seen.iter().any(|name| counts_parts(name)) {
        return Ok(None);
    }
    let sides = table.losses_by_side();
    let mut rows_of: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (at, (count, row)) in run.rows.iter().enumerate() {
        if let Some(epoch) = places[at]
            && count.is_some_and(|count| count.fract() == 0.0)
            && row.is_whole(&sides)
        {
            rows_of.entry(epoch).or_default().push(at);
        }
    }
    let losses = table.losses();
    let mut several: Vec<u32> = Vec::new();
    for (epoch, rows) in &rows_of {
        let first = run.rows[rows[0]].1;
        if rows[1..].iter().any(|&at| differs(first, run.rows[at].1, &losses)) {
            several.push(*epoch);
        }
    }
    let Some((last, rows)) = rows_of.last_key_value() else { return Ok(None) };
    ensure!(
        several.len() < 2 || several.len() < rows_of.len(),
        "it states every epoch {} times, with losses that differ, and no column says which run a row belongs to: add a column \
         `run`, or diagnose the rows of each run alone",
        rows_of[&several[0]].len()
    );
    if several == [*last] && rows_of.len() > 2 {
        for at in &rows[1..] {
            places[*at] = None;
        }
        return Ok(Some(format!("states its last epoch, {last}, more than once: the first is taken.")));
    }
    if several.is_empty() {
        return Ok(None);
    }
    for epoch in &several {
        let [earlier @ .., _] = &rows_of[epoch][..] else { continue };
        for at in earlier {
            places[*at] = None;
        }
    }
    let epochs: Vec<String> = several.iter().take(LISTED).map(u32::to_string).collect();
    Ok(Some(format!(
        "states {} more than once, with figures that differ: the last are taken, as of a resumed run.",
        epochs.join(", ")
    )))
}

/// Whether a column of this name counts the parts of an epoch.
fn counts_parts(name: &str) -> bool {
    words(name).iter().any(|word| ["batch", "iter", "iteration", "step"].contains(&word.as_str()))
}

/// Whether a loss that both rows state differs.
fn differs(first: &Row, other: &Row, losses: &BTreeSet<u32>) -> bool {
    losses.iter().any(|column| {
        let (Some(one), Some(other)) = (first.number(*column), other.number(*column)) else { return false };
        (one - other).abs() > ALIKE * one.abs().max(other.abs())
    })
}

/// What several rows of an epoch state of one figure.
#[derive(Default)]
struct Sum {
    sum: f64,
    count: f64,
    last: Option<f64>,
    is_infinite: bool,
    /// The step of the last figure, where the row names one.
    step: Option<u64>,
    /// Whether there are figures of several steps.
    spans_steps: bool,
}

impl Sum {
    fn add(&mut self, value: f64, step: Option<u64>) {
        // A second figure of the same step is a later measurement of the same weights, or one of better weights.
        if step.is_some() && step == self.step {
            return;
        }
        self.spans_steps |= step.is_some() && self.step.is_some();
        self.step = step;
        self.is_infinite |= value.is_infinite();
        if value.is_finite() {
            self.sum += value;
            self.count += 1.0;
            self.last = Some(value);
        }
    }

    fn value(&self, takes_last: bool) -> f64 {
        match self.last {
            _ if self.is_infinite => f64::INFINITY,
            Some(last) if takes_last => last,
            Some(_) => self.sum / self.count,
            None => f64::NAN,
        }
    }
}
