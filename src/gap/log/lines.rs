//! Epochs in lines of text, whatever stands around them.
//!
//! A line names its epoch (`Epoch: 20/50..`) or belongs to the epoch named above it. Its figures are names followed by
//! numbers; a label such as `Val:` gives a side to the names after it that have none.

mod batches;
mod epoch;
mod figures;
mod summary;
mod variants;

use anyhow::Result;

use super::{
    cell::Cell,
    groups::RUN,
    names::{Kind, Side, label, recognise},
    table::{Row, Table},
};
use figures::Figure;

/// The name of the column of epochs that the reader itself fills.
pub(super) const EPOCH: &str = "epoch";

/// A line with figures.
struct Line {
    /// The epoch, its own or that of a line above.
    epoch: Option<f64>,
    /// Whether the line itself names it.
    is_own: bool,
    /// Whether it is the first with figures since an epoch was named.
    begins: bool,
    /// Whether it is about one batch.
    is_of_a_batch: bool,
    /// The fold that was named last, and the run that the epoch's line names.
    run: Option<String>,
    /// What it states.
    figures: Vec<Figure>,
}

/// The figures in the lines of `text`, as a table with a column of epochs.
///
/// # Errors
/// There are too many of them.
pub fn read(text: &str, mut table: Table) -> Result<Table> {
    let mut lines: Vec<Line> = Vec::new();
    let mut known = figures::Known::default();
    let (mut fold, mut run, mut side) = (None, None, None);
    let (mut current, mut begins) = (None, false);
    for line in text.lines().filter(|line| line.len() < 20_000) {
        let found = epoch::find(line);
        if found.as_ref().is_some_and(|epoch| epoch.is_of_another) {
            continue;
        }
        if line.trim().is_empty() || found.is_some() {
            side = None;
        }
        fold = epoch::fold(line).or(fold);
        let figures = figures::find(line, found.as_ref(), side, &mut table, &mut known)?;
        // A line that states a loss is the trainer's own, whatever else it says; a callback may state a rate.
        if found.as_ref().is_some_and(|epoch| epoch::is_of_a_callback(line, epoch))
            && figures.iter().all(|figure| is_a_rate(&table.columns[figure.column as usize]))
        {
            continue;
        }
        if let Some(epoch) = &found {
            // An epoch that is named once more without a figure goes on.
            begins |= current != Some(epoch.number) || !figures.is_empty();
            current = Some(epoch.number);
            table.planned = epoch.planned.or(table.planned);
            run = epoch::run(line);
        }
        // A trainer that evaluates its best weights when all is over repeats its last record.
        let is_record = line.trim_start().starts_with('{');
        if is_record && summary::is_repeated(&lines, current, &figures, &table) {
            continue;
        }
        if figures.is_empty() {
            side = heading(line).or(side);
            continue;
        }
        let fold = fold.map(|fold| format!("fold {fold}"));
        let of_run: Vec<String> = [fold, run.clone()].into_iter().flatten().collect();
        lines.push(Line {
            epoch: current,
            is_own: found.is_some(),
            begins,
            is_of_a_batch: epoch::is_of_a_batch(line, found.as_ref()),
            run: (!of_run.is_empty()).then(|| of_run.join(", ")),
            figures,
        });
        begins = false;
    }
    let mut lines = if lines.iter().any(|line| line.epoch.is_some()) {
        summary::without_summaries(lines, &table)
    } else {
        summary::counted(lines, &table)
    };
    variants::tell_apart(&mut lines, &mut table)?;
    batches::average(&mut lines, &table);
    // Of a bar that is redrawn the last figure counts; records at fractions of an epoch are each of a part of it.
    table.takes_last = !lines.iter().any(|line| line.epoch.is_some_and(|epoch| epoch.fract() != 0.0));
    let column = table.column(EPOCH)?;
    for line in lines {
        // Before the first epoch there is none.
        let (Some(column), Some(epoch)) = (column, line.epoch) else { continue };
        let mut cells: Vec<(u32, Cell)> = line.figures.into_iter().map(|figure| (figure.column, figure.cell)).collect();
        cells.push((column, Cell::Number(epoch)));
        if let Some(run) = line.run
            && let Some(column) = table.column(RUN)?
        {
            cells.push((column, Cell::Text(run.into())));
        }
        table.push(Row { cells, begins: false })?;
    }
    Ok(table)
}

fn is_a_rate(name: &str) -> bool {
    recognise(name).is_some_and(|meaning| meaning.kind == Kind::Rate)
}

/// The side that a line of its own announces: `Test Error:`.
fn heading(line: &str) -> Option<Side> {
    label(line.trim().strip_suffix(':')?)
}
