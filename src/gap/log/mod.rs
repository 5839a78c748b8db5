//! Logs of other trainers, read as curves.
//!
//! `lines` finds `Epoch: 20/50.. Training Loss: 1.402..` in any text, `table` reads a CSV with named columns: timm's
//! `summary.csv`, Lightning's `metrics.csv`, Keras' `CSVLogger`, fastai's and mindgap's own. `field` knows the names that
//! all of them use.

mod field;
mod lines;
mod table;

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use super::{Case, Curves, Point, Training};
use crate::durable;
use field::Field;

/// What a log states of one epoch: NaN for a number that is not stated, ∞ for one that is said to be none.
type Stated = std::collections::BTreeMap<Field, f64>;

/// Reads a log as a case.
///
/// # Errors
/// The file cannot be read, or holds no epochs with a training and a validation loss; the message says which names were
/// looked for.
pub fn read(path: &Path) -> Result<Case> {
    let bytes = durable::read_text(path)?;
    let text = String::from_utf8_lossy(&bytes);
    let curves = curves(&text).with_context(|| format!("{} cannot be diagnosed", path.display()))?;
    Ok(Case { name: path.display().to_string(), curves, run: None })
}

/// The curves in the text of a log.
fn curves(text: &str) -> Result<Curves> {
    let (epochs, planned) = match table::read(text)? {
        Some(epochs) => (epochs, None),
        None => lines::read(text),
    };
    let has = |field| epochs.iter().any(|(_, stated)| stated.contains_key(&field));
    if epochs.is_empty() {
        bail!(
            "no epoch was found in it: neither lines such as `Epoch: 20/50.. Training Loss: 1.402.. Validation Loss: \
             1.432` nor a CSV with columns such as epoch, train_loss, val_loss"
        );
    }
    ensure!(has(Field::TrainLoss), "no training loss was found in it (train_loss, training loss, loss)");
    ensure!(
        has(Field::ValLoss),
        "no validation loss was found in it (val_loss, valid_loss, eval_loss, validation loss)"
    );
    let is_negative = |field| epochs.iter().any(|(_, stated)| stated.get(&field).is_some_and(|loss| *loss < 0.0));
    ensure!(
        !is_negative(Field::TrainLoss) && !is_negative(Field::ValLoss),
        "it holds a loss below 0, which no cross-entropy is: mindgap diagnoses classifiers"
    );
    let is_share = |field| epochs.iter().filter_map(|(_, stated)| stated.get(&field)).all(|value| *value <= 1.0);
    let scale = |field| if is_share(field) { 100.0 } else { 1.0 };
    let (train_scale, val_scale) = (scale(Field::TrainAcc), scale(Field::ValAcc));
    let point = |(epoch, stated): &(u32, Stated)| {
        let value = |field| stated.get(&field).copied().unwrap_or(f64::NAN);
        Point {
            train_loss: value(Field::TrainLoss),
            val_loss: value(Field::ValLoss),
            train_acc: train_scale * value(Field::TrainAcc),
            val_acc: val_scale * value(Field::ValAcc),
            lr: value(Field::Rate),
            batch_loss: value(Field::BatchLoss),
            ..Point::unknown(*epoch)
        }
    };
    let is_probe = has(Field::Gap);
    Ok(Curves {
        points: epochs.iter().map(point).collect(),
        training: if is_probe { Training::Probe } else { Training::Running },
        planned,
        classes: None,
    })
}

/// A stated number: one that is none, such as `nan`, becomes ∞.
fn number(text: &str) -> Option<f64> {
    let value: f64 = text.trim().trim_end_matches('%').parse().ok()?;
    Some(if value.is_finite() { value } else { f64::INFINITY })
}

#[cfg(test)]
mod tests;
