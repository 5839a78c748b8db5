//! Logs of other trainers, read as curves.
//!
//! A log is read in steps:
//! 1. `text` decodes it, `notebook` extracts what the cells of a notebook printed, and `sideways` turns a table with a column for each epoch;
//! 2. `delimited`, `aligned`, `json`, `blocks`, `printed`, `lines` and `events` each read one form into a `table::Table` of named
//!    cells, with the help of `names`, which knows the names that trainers use;
//! 3. `keys` finds the columns of epochs and runs, `runs` splits the rows by run, `places` finds the epoch of each row, and
//!    `epochs` puts the rows of an epoch together;
//! 4. `fields` decides which column is which figure, and `measured` distinguishes a loss that was not measured from one
//!    that has diverged.

mod aligned;
mod blocks;
mod cell;
mod delimited;
mod documents;
mod epochs;
mod events;
mod fields;
mod files;
mod groups;
mod heads;
mod html;
mod index;
mod json;
mod keys;
mod lines;
mod lists;
mod long;
mod measured;
mod modes;
mod names;
mod notebook;
mod notes;
mod objects;
mod options;
mod order;
mod places;
mod printed;
mod python;
mod row_number;
mod run;
mod run_sides;
mod runs;
mod series;
mod sideways;
mod table;
mod text;
mod tokens;
mod translation;

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};

use super::{Case, Curves, LossPoint, TrainingLoss};
use crate::stats;
use cell::Cell;
use epochs::Stated;
use keys::Keys;
pub use options::{Columns, LogOptions};
use run::Run;
use table::Table;

/// Reads the files of one log as a case: one file, a folder of event files, or several files of one figure each.
///
/// # Errors
/// A file cannot be read; no epoch with a training and a val loss is found; several columns may be one figure; there is
/// no run of the number asked for. The message shows what was found and how to name it.
pub fn read(paths: &[PathBuf], options: &LogOptions) -> Result<Case> {
    let name = paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" ");
    let table = files::read(paths, &options.columns.names())?;
    let (curves, notes) = curves(&table, options).with_context(|| format!("{name} cannot be diagnosed"))?;
    Ok(Case { name, curves, notes, run: None, detect: Case::DETECT })
}

/// The curves of the run that is diagnosed, and remarks on how the log was read.
fn curves(table: &Table, options: &LogOptions) -> Result<(Curves, Vec<String>)> {
    let keys = Keys::of(table, &options.columns)?;
    let mut runs = Vec::new();
    for rows in runs::split(table, &keys) {
        let epochs = epochs::gather(table, &rows, &keys)?;
        let fields = fields::choose(table, &epochs.epochs, &options.columns)?;
        if fields.train_loss.is_some() || fields.val_loss.is_some() {
            runs.push(Run { name: rows.name, epochs, fields, resumed: rows.resumed });
        }
    }
    let judged = match options.run {
        Some(number) => {
            ensure!(
                (1..=runs.len()).contains(&number),
                "--run {number}: it holds {}",
                stats::counted(runs.len(), "run")
            );
            number - 1
        }
        None => runs.iter().rposition(Run::states_both_losses).unwrap_or(runs.len().saturating_sub(1)),
    };
    let mut notes = table.notes.clone();
    if runs.len() > 1 {
        notes.push(notes::on_several_runs(&runs, judged));
    }
    let Some(run) = runs.get(judged) else {
        bail!(
            "no epoch was found in it. Its columns are {}: name them with --train-loss COLUMN and --val-loss COLUMN",
            table.column_list()
        );
    };
    notes.extend(notes::on_run(run, table));
    for column in [run.fields.train_acc, run.fields.val_acc].into_iter().flatten() {
        if exceeds_percent(&series(&run.epochs.epochs, column)) {
            notes.push(format!("`{}` exceeds 100 and is no accuracy: it is left out.", table.columns[column as usize]));
        }
    }
    let mut curves = curves_of(run, table)?;
    curves.classes = options.classes;
    Ok((curves, notes))
}

/// The curves of a run.
fn curves_of(run: &Run, table: &Table) -> Result<Curves> {
    let fields = &run.fields;
    let epochs = &run.epochs.epochs;
    let Some(train) = fields.train_loss else {
        bail!(
            "no training loss was found in it (train_loss, training loss, loss). Its columns are {}: say which with \
             --train-loss COLUMN",
            table.column_list()
        );
    };
    let Some(val) = fields.val_loss else {
        bail!(
            "no validation loss was found in it (val_loss, valid_loss, eval_loss, validation loss). Its columns are {}: say \
             which with --val-loss COLUMN",
            table.column_list()
        );
    };
    let train_losses = measured::measured(&series(epochs, train), None);
    let val_losses = measured::measured(&series(epochs, val), Some(&train_losses));
    ensure!(
        train_losses.iter().chain(&val_losses).all(|loss| loss.is_nan() || *loss >= 0.0),
        "it holds a loss below 0, which no cross-entropy is: mindgap diagnoses classifiers"
    );
    ensure!(
        val_losses.iter().any(|loss| !loss.is_nan()),
        "its validation loss `{}` was never measured: it is NaN in every epoch. Its columns are {}",
        table.columns[val as usize],
        table.column_list()
    );
    let states_both = |at: usize| !train_losses[at].is_nan() && !val_losses[at].is_nan();
    ensure!(
        (0..epochs.len()).any(states_both),
        "no epoch of it has both losses: `{}` and `{}` are stated of different ones. Its columns are {}",
        table.columns[train as usize],
        table.columns[val as usize],
        table.column_list()
    );
    let train_accs = accuracies(table, epochs, fields.train_acc);
    let val_accs = accuracies(table, epochs, fields.val_acc);
    let mut points = Vec::with_capacity(epochs.len());
    for (at, (epoch, stated)) in epochs.iter().enumerate() {
        let point = LossPoint {
            train_loss: train_losses[at],
            val_loss: val_losses[at],
            train_acc: train_accs[at],
            val_acc: val_accs[at],
            lr: value(stated, fields.rate),
            batch_loss: value(stated, fields.batch_loss),
            ..LossPoint::unknown(*epoch)
        };
        if !(point.train_loss.is_nan() && point.val_loss.is_nan()) {
            points.push(point);
        }
    }
    let is_own = fields.gap.is_some_and(|gap| is_of_mindgap(table, gap));
    let training = if is_own { TrainingLoss::Probe } else { TrainingLoss::Running };
    Ok(Curves { points, training, classes: None })
}

/// Whether the column `gap` is one that mindgap wrote, whose training loss is the probe's: by its name, or by those beside it.
fn is_of_mindgap(table: &Table, gap: u32) -> bool {
    const OWN: [&str; 4] = ["training_loss", "validation_loss", "training_accuracy", "validation_accuracy"];
    table.columns[gap as usize] == "gap_loss" || OWN.iter().all(|own| table.columns.iter().any(|name| name == own))
}

/// The figure of a column in an epoch; NaN where there is none.
fn value(stated: &Stated, column: Option<u32>) -> f64 {
    column.and_then(|column| stated.get(&column)).copied().unwrap_or(f64::NAN)
}

/// What the epochs state in a column.
fn series(epochs: &[(u32, Stated)], column: u32) -> Vec<Option<f64>> {
    epochs.iter().map(|(_, stated)| stated.get(&column).copied()).collect()
}

/// The accuracies of a column in percent; NaN where there are none. A column that never exceeds 1 and has no per-cent sign
/// holds shares; one that exceeds 100 holds something else, such as counts.
fn accuracies(table: &Table, epochs: &[(u32, Stated)], column: Option<u32>) -> Vec<f64> {
    let Some(column) = column else { return vec![f64::NAN; epochs.len()] };
    let stated = series(epochs, column);
    let has_percent_sign = table.rows.iter().any(|row| matches!(row.get(column), Some(Cell::Percent(_))));
    let are_shares = !has_percent_sign && stated.iter().flatten().all(|value| value.is_nan() || *value <= 1.0);
    if exceeds_percent(&stated) {
        return vec![f64::NAN; epochs.len()];
    }
    let scale = if are_shares { 100.0 } else { 1.0 };
    stated.iter().map(|value| scale * value.unwrap_or(f64::NAN)).collect()
}

fn exceeds_percent(stated: &[Option<f64>]) -> bool {
    stated.iter().flatten().any(|value| *value > 100.0)
}

#[cfg(test)]
mod tests;
