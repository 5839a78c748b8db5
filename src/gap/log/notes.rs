//! Remarks for the user on how a log was read.

use super::{run::Run, table::Table};
use crate::stats::counted;

/// Runs that a remark lists.
const LISTED_RUNS: usize = 12;
/// Epochs that a remark lists.
const LISTED_EPOCHS: usize = 6;

/// Says that a log holds several runs, and which is diagnosed.
pub fn on_several_runs(runs: &[Run], judged: usize) -> String {
    let mut list = Vec::new();
    for (at, run) in runs.iter().enumerate().take(LISTED_RUNS) {
        let name = run.name.as_ref().map_or(String::new(), |name| format!("{name}, "));
        list.push(format!("{} ({name}{})", at + 1, counted(run.epochs.epochs.len(), "epoch")));
    }
    let more = if runs.len() > LISTED_RUNS { ", …" } else { "" };
    format!(
        "It holds several runs: {}. This is run {} of {}; --run N judges another: {}{more}.",
        runs.len(),
        judged + 1,
        runs.len(),
        list.join(", ")
    )
}

/// The remarks on how a run was read.
pub fn on_run(run: &Run, table: &Table) -> Vec<String> {
    let mut notes: Vec<String> = run.epochs.notes.iter().map(|counting| format!("The log {counting}")).collect();
    if !run.resumed.is_empty() {
        let starts: Vec<String> = run.resumed.iter().take(LISTED_EPOCHS).map(|epoch| format!("{epoch:.0}")).collect();
        notes.push(format!(
            "The run was resumed at {}: what an earlier start recorded of these and later epochs is left out.",
            starts.join(", ")
        ));
    }
    let fields = &run.fields;
    if fields.val_is_test {
        let name = fields.val_loss.map_or("", |column| &table.columns[column as usize]);
        notes.push(format!(
            "It has no validation loss; its test loss `{name}` is used instead. A choice made by it makes it no longer a test."
        ));
    }
    if fields.val_acc_is_unclear {
        let name = fields.val_acc.map_or("", |column| &table.columns[column as usize]);
        notes.push(format!("Several columns may be val accuracy; `{name}` is taken, and --val-acc names another."));
    }
    if let Some((epoch, loss)) = last(run, fields.test_loss) {
        let accuracy = match last(run, fields.test_acc) {
            Some((_, accuracy)) => format!(", test accuracy {accuracy}"),
            None => String::new(),
        };
        notes.push(format!(
            "It also has a test loss: {loss:.3} after epoch {epoch}{accuracy}. No figure here includes it."
        ));
    }
    notes
}

/// The last epoch that states a column, with the figure.
fn last(run: &Run, column: Option<u32>) -> Option<(u32, f64)> {
    let column = column?;
    run.epochs.epochs.iter().rev().find_map(|(epoch, stated)| Some((*epoch, *stated.get(&column)?)))
}
