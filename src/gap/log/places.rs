//! The epoch that each row of a run belongs to.

use std::collections::BTreeSet;

use super::{
    keys::Keys,
    runs::RunRows,
    table::{Row, Table},
};

/// The epoch of each row, None for a row that belongs to no epoch; and a remark where the log does not count in epochs.
pub fn places(table: &Table, run: &RunRows, keys: &Keys) -> (Vec<Option<u32>>, Option<String>) {
    if keys.epoch.is_none() && keys.step.is_none() {
        return ((1..=run.rows.len() as u32).map(Some).collect(), None);
    }
    let [_, val_losses] = table.losses_by_side();
    let counts = if keys.epoch.is_some() {
        by_step(run, keys, &table.losses(), &val_losses)
    } else {
        run.rows.iter().map(|(count, _)| *count).collect()
    };
    let ends = measurements(run, &counts, &val_losses);
    if keys.epoch.is_some() {
        if counts.iter().flatten().all(|count| count.fract() == 0.0) {
            return (counts.iter().map(|count| count.map(|count| count as u32)).collect(), None);
        }
        let epochs: BTreeSet<u64> = ends.iter().map(|end| (end - 1e-6).ceil() as u64).collect();
        if ends.len() == epochs.len() {
            let rounded_up = |count: f64| (count - 1e-6).ceil().max(1.0) as u32;
            return (counts.iter().map(|count| count.map(rounded_up)).collect(), None);
        }
    } else if ends.is_empty() {
        return (counts.iter().map(|count| count.map(|count| count as u32)).collect(), None);
    } else if ends.windows(2).all(|pair| pair[1] - pair[0] == 1.0) {
        // Steps that are measured one by one are epochs.
        if let Some(places) = divided(run, &counts, &val_losses, &ends) {
            let note = format!(
                "counts training in batches and val in epochs: its training losses are divided evenly among the {} epochs.",
                ends.len()
            );
            return (places, Some(note));
        }
        return (counts.iter().map(|count| Some(ends[next_measurement((*count)?, &ends)?] as u32)).collect(), None);
    }
    let places = counts.iter().map(|count| Some(next_measurement((*count)?, &ends)? as u32 + 1)).collect();
    let unit = if keys.epoch.is_some() { "epochs in fractions" } else { "steps, not epochs" };
    let note = format!(
        "counts {unit}: each of the {} measurements of val loss is taken for an epoch, with the training losses since the one \
         before.",
        ends.len()
    );
    (places, Some(note))
}

/// The epoch of each row where training is counted in batches and val in epochs, both from the start: most training losses lie behind the
/// last count of val. None elsewhere.
fn divided(
    run: &RunRows,
    counts: &[Option<f64>],
    val_losses: &BTreeSet<u32>,
    ends: &[f64],
) -> Option<Vec<Option<u32>>> {
    let is_of_val: Vec<bool> = run.rows.iter().map(|(_, row)| row.states_any(val_losses)).collect();
    let mut batches: Vec<f64> =
        counts.iter().zip(&is_of_val).filter(|(_, is_of_val)| !**is_of_val).filter_map(|(count, _)| *count).collect();
    batches.sort_by(f64::total_cmp);
    batches.dedup();
    let (first, last) = (*ends.first()?, *ends.last()?);
    let behind = batches.iter().filter(|count| **count > last).count();
    if 2 * behind <= batches.len() || batches.len() < 2 * ends.len() {
        return None;
    }
    let place = |count: f64, is_of_val: bool| {
        let rank = batches.partition_point(|batch| *batch < count);
        let epoch = if is_of_val { count } else { first + (rank * ends.len() / batches.len()) as f64 };
        epoch as u32
    };
    Some(counts.iter().zip(&is_of_val).map(|(count, is_of_val)| count.map(|count| place(count, *is_of_val))).collect())
}

/// The counts at which val loss was measured, rising, each once.
fn measurements(run: &RunRows, counts: &[Option<f64>], val_losses: &BTreeSet<u32>) -> Vec<f64> {
    let mut ends: Vec<f64> = Vec::new();
    for ((_, row), count) in run.rows.iter().zip(counts) {
        if let Some(count) = count
            && row.states_any(val_losses)
        {
            ends.push(count.max(0.0));
        }
    }
    ends.sort_by(f64::total_cmp);
    ends.dedup();
    ends
}

/// The index of the first measurement at `count` or after it.
fn next_measurement(count: f64, ends: &[f64]) -> Option<usize> {
    let at = ends.partition_point(|end| *end < count);
    (at < ends.len()).then_some(at)
}

/// The epoch of each row. A row that states none belongs to the epoch whose step comes next. Without steps, or where its
/// step cannot be compared, it belongs to the epoch before; unless it restates a loss of an epoch that a val loss has
/// ended, which makes it a summary.
fn by_step(run: &RunRows, keys: &Keys, losses: &BTreeSet<u32>, val_losses: &BTreeSet<u32>) -> Vec<Option<f64>> {
    let mut known: Vec<(f64, f64)> = Vec::new();
    for (epoch, row) in &run.rows {
        if let (Some(step), Some(epoch)) = (step(row, keys), epoch) {
            known.push((step, *epoch));
        }
    }
    // A binary search needs rising steps.
    let can_search = !known.is_empty() && known.windows(2).all(|pair| pair[0].0 <= pair[1].0);
    let mut before = None;
    let mut last_step = f64::NEG_INFINITY;
    let mut stated: BTreeSet<u32> = BTreeSet::new();
    let mut epochs = Vec::with_capacity(run.rows.len());
    for (epoch, row) in &run.rows {
        if epoch.is_some() && *epoch != before {
            stated.clear();
        }
        let of_row: BTreeSet<u32> = row
            .cells
            .iter()
            .filter(|(column, cell)| losses.contains(column) && cell.number().is_some())
            .map(|(column, _)| *column)
            .collect();
        let is_summary = !stated.is_disjoint(val_losses) && !stated.is_disjoint(&of_row);
        let own_step = step(row, keys);
        epochs.push(match (epoch, own_step) {
            (Some(epoch), _) => Some(*epoch),
            // After the last known step there is no epoch.
            (None, Some(own)) if can_search && own >= last_step => {
                known.get(known.partition_point(|(step, _)| *step < own)).map(|(_, epoch)| *epoch)
            }
            (None, _) if is_summary => None,
            (None, _) => before,
        });
        stated.extend(of_row);
        if epoch.is_some() {
            before = *epoch;
            last_step = own_step.unwrap_or(last_step);
        }
    }
    epochs
}

fn step(row: &Row, keys: &Keys) -> Option<f64> {
    row.number(keys.step?)
}
