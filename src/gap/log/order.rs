//! The order of a run's rows: most logs are written epoch by epoch, and a table may be sorted by another figure.

use std::collections::BTreeSet;

use super::{keys::Keys, table::Row};

/// The rows by rising epoch, where their own order is another: newest first, or sorted by a figure.
pub fn in_order<'a>(rows: &[&'a Row], keys: &Keys, losses: &BTreeSet<u32>) -> Vec<&'a Row> {
    let mut ordered = rows.to_vec();
    if is_newest_first(rows.iter().filter_map(|row| keys.place(row))) {
        ordered.reverse();
    } else if is_sorted_by_figure(rows, keys, losses) {
        ordered
            .sort_by(|one, other| keys.place(one).partial_cmp(&keys.place(other)).unwrap_or(std::cmp::Ordering::Equal));
    }
    ordered
}

fn is_newest_first(places: impl Iterator<Item = f64>) -> bool {
    let places: Vec<f64> = places.collect();
    let falls = places.windows(2).filter(|pair| pair[1] < pair[0]).count();
    falls >= 2 && places.windows(2).all(|pair| pair[1] <= pair[0])
}

/// Whether each epoch states a loss once, and the epochs are not in order. Two runs below each other have one place at which
/// the epochs fall; without gaps their epochs are one run's all the same.
fn is_sorted_by_figure(rows: &[&Row], keys: &Keys, losses: &BTreeSet<u32>) -> bool {
    let mut epochs: Vec<f64> = Vec::new();
    let mut stated: BTreeSet<(u64, u32)> = BTreeSet::new();
    for row in rows {
        let Some(epoch) = keys.epoch.and_then(|column| row.number(column)) else { return false };
        for (column, _) in row.cells.iter().filter(|(column, _)| losses.contains(column)) {
            if !stated.insert((epoch.to_bits(), *column)) {
                return false;
            }
        }
        epochs.push(epoch);
    }
    let falls = epochs.windows(2).filter(|pair| pair[1] < pair[0]).count();
    epochs.sort_by(f64::total_cmp);
    epochs.dedup();
    let steps: Vec<f64> = epochs.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let is_even = steps.windows(2).all(|pair| pair[0] == pair[1]);
    falls > 1 || falls == 1 && is_even
}
