//! The rows of a run, put together epoch by epoch.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};

use super::{
    keys::Keys,
    names::{Kind, Side, words},
    runs::RunRows,
    table::{Row, Table},
};

/// The share by which figures of one epoch may differ and be of one run: each process of a parallel run prints its own.
const ALIKE: f64 = 0.01;

/// What an epoch states, by column: NaN where it says that a number is none.
pub type Stated = BTreeMap<u32, f64>;

/// The epochs of a run.
#[derive(Debug, Default)]
pub struct RunEpochs {
    /// Epoch and figures, rising.
    pub epochs: Vec<(u32, Stated)>,
    /// What is to be said about how they were counted.
    pub notes: Vec<String>,
}

/// Puts the rows of a run together.
///
/// # Errors
/// Every epoch stands several times, with figures that differ.
pub fn gather(table: &Table, run: &RunRows, keys: &Keys) -> Result<RunEpochs> {
    let (mut places, note) = places(table, run, keys);
    let repeated = repeated(table, run, keys, &mut places)?;
    let notes = [note, repeated].into_iter().flatten().collect();
    let mut sums: BTreeMap<u32, BTreeMap<u32, Sum>> = BTreeMap::new();
    let step = |row: &Row| keys.step.and_then(|column| row.number(column)).map(f64::to_bits);
    for ((_, row), place) in run.rows.iter().zip(places) {
        let Some(place) = place else { continue };
        let sums = sums.entry(place).or_default();
        for (column, cell) in &row.cells {
            if let Some(value) = cell.number() {
                sums.entry(*column).or_default().add(value, step(row));
            }
        }
    }
    let rates: BTreeSet<u32> = table.columns_of(|meaning| meaning.kind == Kind::Rate);
    let stated = |sums: BTreeMap<u32, Sum>| -> Stated {
        let value = |(column, sum): (u32, Sum)| (column, sum.value(table.takes_last || rates.contains(&column)));
        sums.into_iter().map(value).collect()
    };
    Ok(RunEpochs { epochs: sums.into_iter().map(|(epoch, sums)| (epoch, stated(sums))).collect(), notes })
}

/// Takes the first of the rows in which the last epoch alone is repeated; says where others are.
fn repeated(table: &Table, run: &RunRows, keys: &Keys, places: &mut [Option<u32>]) -> Result<Option<String>> {
    let counts_parts =
        |name: &String| words(name).iter().any(|word| ["batch", "iter", "iteration", "step"].contains(&word.as_str()));
    // A bar is redrawn, and what is measured several times in an epoch has steps.
    if table.takes_last || keys.epoch.is_none() || table.seen.iter().any(counts_parts) {
        return Ok(None);
    }
    let sides = table.losses_by_side();
    let mut whole: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (at, ((place, row), epoch)) in run.rows.iter().zip(places.iter()).enumerate() {
        if let Some(epoch) = epoch
            && place.is_some_and(|place| place.fract() == 0.0)
            && row.is_whole(&sides)
        {
            whole.entry(*epoch).or_default().push(at);
        }
    }
    let losses = table.losses();
    let differs = |rows: &Vec<usize>| {
        let first = run.rows[rows[0]].1;
        let is_other = |column: &u32, row: &Row| {
            let (Some(one), Some(other)) = (first.number(*column), row.number(*column)) else { return false };
            (one - other).abs() > ALIKE * one.abs().max(other.abs())
        };
        rows[1..].iter().any(|at| losses.iter().any(|column| is_other(column, run.rows[*at].1)))
    };
    let several: Vec<u32> = whole.iter().filter(|(_, rows)| differs(rows)).map(|(epoch, _)| *epoch).collect();
    let Some((last, rows)) = whole.last_key_value() else { return Ok(None) };
    ensure!(
        several.len() < 2 || several.len() < whole.len(),
        "every epoch stands in it {} times, with losses that differ, and no column tells the runs apart: add a column `run`, \
         or diagnose each run's rows alone",
        whole[&several[0]].len()
    );
    if several == [*last] && whole.len() > 2 {
        for at in &rows[1..] {
            places[*at] = None;
        }
        return Ok(Some(format!("states its last epoch, {last}, more than once: the first is taken.")));
    }
    Ok((!several.is_empty()).then(|| {
        let epochs: Vec<String> = several.iter().take(6).map(u32::to_string).collect();
        format!("states {} more than once, with figures that differ: their means are taken.", epochs.join(", "))
    }))
}

/// What several rows of an epoch state of one figure.
#[derive(Default)]
struct Sum {
    sum: f64,
    count: f64,
    last: Option<f64>,
    is_infinite: bool,
    /// The step, where one is named, of the last figure.
    step: Option<u64>,
}

impl Sum {
    fn add(&mut self, value: f64, step: Option<u64>) {
        // What is stated once more of one step is a later look at the same weights, or at better ones.
        if step.is_some() && step == self.step {
            return;
        }
        self.step = step;
        self.is_infinite |= value.is_infinite();
        if value.is_finite() {
            (self.sum, self.count, self.last) = (self.sum + value, self.count + 1.0, Some(value));
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

/// The epoch of each row; None for a row that belongs to none.
fn places(table: &Table, run: &RunRows, keys: &Keys) -> (Vec<Option<u32>>, Option<String>) {
    let vals =
        table.columns_of(|meaning| meaning.kind == Kind::Loss && matches!(meaning.side, Some(Side::Val | Side::Test)));
    let states_val =
        |row: &Row| row.cells.iter().any(|(column, cell)| vals.contains(column) && cell.number().is_some());
    if keys.epoch.is_none() && keys.step.is_none() {
        return ((1..=run.rows.len() as u32).map(Some).collect(), None);
    }
    let filled = if keys.epoch.is_some() {
        by_step(run, keys, &table.losses(), &vals)
    } else {
        run.rows.iter().map(|(place, _)| *place).collect()
    };
    let ends: BTreeSet<u64> = run
        .rows
        .iter()
        .zip(&filled)
        .filter(|((_, row), _)| states_val(row))
        .filter_map(|(_, place)| Some(ordered((*place)?)))
        .collect();
    let ends: Vec<f64> = ends.into_iter().map(f64::from_bits).collect();
    let is_whole = filled.iter().flatten().all(|place| place.fract() == 0.0);
    let are_in_a_row = ends.windows(2).all(|pair| pair[1] - pair[0] == 1.0);
    let direct = |up: bool| {
        let epoch =
            |place: &Option<f64>| place.map(|place| if up { (place - 1e-6).ceil().max(1.0) } else { place } as u32);
        filled.iter().map(epoch).collect::<Vec<_>>()
    };
    let up_to_ends = |first: f64| -> Vec<Option<u32>> {
        let place = |place: &Option<f64>| {
            let place = (*place)?;
            let at = ends.partition_point(|end| *end < place);
            (at < ends.len()).then(|| if first.is_nan() { at as u32 + 1 } else { ends[at] as u32 })
        };
        filled.iter().map(place).collect()
    };
    let measured = format!(
        "counts {}: each of the {} measurements of val loss is taken for an epoch, with the training losses since the one \
         before.",
        if keys.epoch.is_some() { "epochs in fractions" } else { "steps, not epochs" },
        ends.len()
    );
    match keys.epoch {
        Some(_) if is_whole => (direct(false), None),
        Some(_) => {
            let upper: BTreeSet<u64> = ends.iter().map(|end| (end - 1e-6).ceil() as u64).collect();
            if ends.len() > upper.len() { (up_to_ends(f64::NAN), Some(measured)) } else { (direct(true), None) }
        }
        None if ends.is_empty() => (direct(false), None),
        None if are_in_a_row => (up_to_ends(0.0), None),
        None => (up_to_ends(f64::NAN), Some(measured)),
    }
}

/// The epoch of each row. One that states none belongs to the epoch whose step comes next; without steps, or where its
/// step is no such count, to the epoch before, unless it restates a loss of an epoch that val's has ended: a summary.
fn by_step(run: &RunRows, keys: &Keys, losses: &BTreeSet<u32>, vals: &BTreeSet<u32>) -> Vec<Option<f64>> {
    let step = |row: &Row| keys.step.and_then(|column| row.number(column));
    let known: Vec<(f64, f64)> = run.rows.iter().filter_map(|(place, row)| Some((step(row)?, (*place)?))).collect();
    // Rising steps can be searched.
    let are_rising = known.windows(2).all(|pair| pair[0].0 <= pair[1].0);
    let (mut before, mut last_step) = (None, f64::NEG_INFINITY);
    let mut places = Vec::with_capacity(run.rows.len());
    let mut stated: BTreeSet<u32> = BTreeSet::new();
    for (place, row) in &run.rows {
        if place.is_some() && *place != before {
            stated.clear();
        }
        let of_row = row.cells.iter().filter(|(column, cell)| losses.contains(column) && cell.number().is_some());
        let of_row: BTreeSet<u32> = of_row.map(|(column, _)| *column).collect();
        let is_summary = !stated.is_disjoint(vals) && !stated.is_disjoint(&of_row);
        let own = step(row);
        let next = own
            .filter(|own| are_rising && !known.is_empty() && *own >= last_step)
            .map(|own| known.get(known.partition_point(|(step, _)| *step < own)).map(|(_, place)| *place));
        places.push(match (place, next) {
            (Some(place), _) => Some(*place),
            // Beyond the last epoch there is none.
            (None, Some(next)) => next,
            (None, None) if is_summary => None,
            (None, None) => before,
        });
        stated.extend(of_row);
        before = place.or(before);
        last_step = if place.is_some() { own.unwrap_or(last_step) } else { last_step };
    }
    places
}

/// The bits of a number that is not negative, in its order.
fn ordered(place: f64) -> u64 {
    place.max(0.0).to_bits()
}
