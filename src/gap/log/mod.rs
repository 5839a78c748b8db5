//! Logs of other trainers, read as curves.
//!
//! The way of a log: `text` decodes it; `notebook` takes what a notebook printed; `delimited`, `aligned`, `json`, `lines`
//! and `events` each read one form into a `table::Table` of named cells; `names` knows the names that trainers use;
//! `keys` finds the columns of epochs and runs, `runs` tells the runs of a log apart, `epochs` puts the rows of an epoch
//! together, `fields` decides which column is which figure, and `measured` tells a loss that was not measured from one
//! that is no number any more.

mod aligned;
mod cell;
mod delimited;
mod epochs;
mod events;
mod fields;
mod files;
mod groups;
mod json;
mod keys;
mod lines;
mod long;
mod measured;
mod modes;
mod names;
mod notebook;
mod runs;
mod table;
mod text;
mod tokens;

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};

use super::{Case, Curves, LossPoint, TrainingLoss};
use epochs::{RunEpochs, Stated};
use fields::Fields;
use keys::Keys;
use table::Table;

/// How a log is to be read where it leaves a choice.
#[derive(Clone, Debug, Default)]
pub struct LogOptions {
    /// Columns that are named rather than found by their names.
    pub columns: Columns,
    /// Which run of several is judged, from 1; without it the last.
    pub run: Option<usize>,
    /// How many classes there are.
    pub classes: Option<usize>,
}

/// Columns by name.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    /// The training loss.
    pub train_loss: Option<String>,
    /// The val loss.
    pub val_loss: Option<String>,
    /// Val accuracy.
    pub val_acc: Option<String>,
    /// The learning rate.
    pub lr: Option<String>,
    /// The epoch.
    pub epoch: Option<String>,
}

impl Columns {
    fn names(&self) -> Vec<String> {
        [&self.train_loss, &self.val_loss, &self.val_acc, &self.lr, &self.epoch]
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    }
}

/// Reads the files of one log as a case: one file, a folder of event files, or several files of one figure each.
///
/// # Errors
/// A file cannot be read; no epoch with a training and a val loss is found; several columns may be one figure; there is
/// no run of that number. The message shows what was found and how to name it.
pub fn read(paths: &[PathBuf], options: &LogOptions) -> Result<Case> {
    let name = paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" ");
    let table = files::read(paths, &options.columns.names())?;
    let (curves, notes) = curves(&table, options).with_context(|| format!("{name} cannot be diagnosed"))?;
    Ok(Case { name, curves, notes, run: None })
}

/// One run of a log, with its columns.
struct Run {
    name: Option<String>,
    epochs: RunEpochs,
    fields: Fields,
    resumed: Vec<f64>,
}

/// The curves of the run that is judged, and what is to be said about how the log was read.
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
    let has_both = |run: &Run| {
        let has = |stated: &Stated, column: Option<u32>| column.is_some_and(|column| stated.contains_key(&column));
        let states = |stated: &Stated| has(stated, run.fields.train_loss) && has(stated, run.fields.val_loss);
        run.epochs.epochs.iter().any(|(_, stated)| states(stated))
    };
    let judged = match options.run {
        Some(number) => {
            ensure!((1..=runs.len()).contains(&number), "--run {number}: it holds {}", counted(runs.len(), "run"));
            number - 1
        }
        None => runs.iter().rposition(has_both).unwrap_or(runs.len().saturating_sub(1)),
    };
    let mut notes = table.notes.clone();
    if runs.len() > 1 {
        notes.push(several(&runs, judged));
    }
    let Some(run) = runs.get(judged) else {
        bail!(
            "no epoch was found in it. Its columns are {}: name them with --train-loss COLUMN and --val-loss COLUMN",
            fields::seen(table)
        );
    };
    notes.extend(notes_of(run, table));
    let mut curves = curves_of(run, table)?;
    curves.classes = options.classes;
    Ok((curves, notes))
}

/// The curves of a run.
fn curves_of(run: &Run, table: &Table) -> Result<Curves> {
    let (fields, epochs) = (&run.fields, &run.epochs.epochs);
    let Some(train) = fields.train_loss else {
        bail!(
            "no training loss was found in it (train_loss, training loss, loss). Its columns are {}: say which with \
             --train-loss COLUMN",
            fields::seen(table)
        );
    };
    let Some(val) = fields.val_loss else {
        bail!(
            "no validation loss was found in it (val_loss, valid_loss, eval_loss, validation loss). Its columns are {}: say \
             which with --val-loss COLUMN",
            fields::seen(table)
        );
    };
    let series = |column: u32| epochs.iter().map(|(_, stated)| stated.get(&column).copied()).collect::<Vec<_>>();
    let train_losses = measured::measured(&series(train), None);
    let val_losses = measured::measured(&series(val), Some(&train_losses));
    ensure!(
        train_losses.iter().chain(&val_losses).all(|loss| loss.is_nan() || *loss >= 0.0),
        "it holds a loss below 0, which no cross-entropy is: mindgap diagnoses classifiers"
    );
    ensure!(
        val_losses.iter().any(|loss| !loss.is_nan()),
        "its validation loss `{}` was never measured: it is NaN in every epoch. Its columns are {}",
        table.columns[val as usize],
        fields::seen(table)
    );
    let accuracy = |column: Option<u32>| match column {
        Some(column) => accuracies(&series(column), is_in_percent(table, column)),
        None => vec![f64::NAN; epochs.len()],
    };
    let (train_accs, val_accs) = (accuracy(fields.train_acc), accuracy(fields.val_acc));
    let mut points = Vec::with_capacity(epochs.len());
    for (at, (epoch, stated)) in epochs.iter().enumerate() {
        let value = |column: Option<u32>| column.and_then(|column| stated.get(&column)).copied().unwrap_or(f64::NAN);
        let point = LossPoint {
            train_loss: train_losses[at],
            val_loss: val_losses[at],
            train_acc: train_accs[at],
            val_acc: val_accs[at],
            lr: value(fields.rate),
            batch_loss: value(fields.batch_loss),
            ..LossPoint::unknown(*epoch)
        };
        if !(point.train_loss.is_nan() && point.val_loss.is_nan()) {
            points.push(point);
        }
    }
    let training = if fields.gap.is_some() { TrainingLoss::Probe } else { TrainingLoss::Running };
    Ok(Curves { points, training, planned: table.planned, classes: None })
}

/// Accuracies in percent. Shares and percentages are told apart by the whole column: one that never exceeds 1 and has no
/// per-cent sign holds shares.
fn accuracies(stated: &[Option<f64>], is_in_percent: bool) -> Vec<f64> {
    let are_shares = !is_in_percent && stated.iter().flatten().all(|value| value.is_nan() || *value <= 1.0);
    let scale = if are_shares { 100.0 } else { 1.0 };
    stated.iter().map(|value| scale * value.unwrap_or(f64::NAN)).collect()
}

fn is_in_percent(table: &Table, column: u32) -> bool {
    table.rows.iter().any(|row| matches!(row.get(column), Some(cell::Cell::Percent(_))))
}

/// That a log holds several runs, and which is judged.
fn several(runs: &[Run], judged: usize) -> String {
    let one = |(at, run): (usize, &Run)| {
        let name = run.name.as_ref().map_or(String::new(), |name| format!("{name}, "));
        format!("{} ({name}{})", at + 1, counted(run.epochs.epochs.len(), "epoch"))
    };
    let shown: Vec<String> = runs.iter().enumerate().take(12).map(one).collect();
    let more = if runs.len() > 12 { ", …" } else { "" };
    format!(
        "It holds several runs: {}. This is run {} of {}; --run N judges another: {}{more}.",
        runs.len(),
        judged + 1,
        runs.len(),
        shown.join(", ")
    )
}

/// What is to be said about how a run was read.
fn notes_of(run: &Run, table: &Table) -> Vec<String> {
    let mut notes = Vec::new();
    for counting in &run.epochs.notes {
        notes.push(format!("The log {counting}"));
    }
    if !run.resumed.is_empty() {
        let starts: Vec<String> = run.resumed.iter().take(6).map(|epoch| format!("{epoch:.0}")).collect();
        notes.push(format!(
            "The run was resumed at {}: what an earlier start recorded of these and later epochs is left out.",
            starts.join(", ")
        ));
    }
    let fields = &run.fields;
    if fields.val_is_test {
        let name = fields.val_loss.map_or("", |column| &table.columns[column as usize]);
        notes.push(format!(
            "It has no validation loss; its test loss `{name}` is taken for it. What is chosen by it is no longer a test."
        ));
    }
    if fields.val_acc_is_unclear {
        let name = fields.val_acc.map_or("", |column| &table.columns[column as usize]);
        notes.push(format!("Several columns may be val accuracy; `{name}` is taken, and --val-acc names another."));
    }
    let last = |column: Option<u32>| {
        let column = column?;
        run.epochs.epochs.iter().rev().find_map(|(epoch, stated)| Some((*epoch, *stated.get(&column)?)))
    };
    if let Some((epoch, loss)) = last(fields.test_loss) {
        let accuracy =
            last(fields.test_acc).map_or(String::new(), |(_, accuracy)| format!(", test accuracy {accuracy}"));
        notes.push(format!(
            "Beside val stands a test loss of {loss:.3} after epoch {epoch}{accuracy}; no figure here mixes it in."
        ));
    }
    notes
}

fn counted(count: usize, name: &str) -> String {
    if count == 1 { format!("1 {name}") } else { format!("{count} {name}s") }
}

#[cfg(test)]
mod tests;
