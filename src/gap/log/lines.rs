//! Epochs in lines of text, whatever stands around them.
//!
//! A line names its epoch (`Epoch: 20/50..`) or belongs to the epoch named above it. Its figures are names followed by
//! numbers; a label such as `Val:` gives a side to the names after it that have none.

mod epoch;
mod figures;
mod summary;

use anyhow::Result;

use super::table::{Row, Table};
use crate::gap::log::cell::Cell;

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
    /// The fold that was named last.
    fold: Option<u32>,
    /// Column and figure.
    figures: Vec<(u32, Cell)>,
}

/// Whether a line is about one batch: `[12800/60000 (21%)]` with its own loss, without a mean.
fn is_of_a_batch(line: &str) -> bool {
    let Some((_, rest)) = line.split_once('[') else { return false };
    let Some((inside, _)) = rest.split_once(']') else { return false };
    inside.contains('/') && inside.ends_with("%)")
}

/// The figures in the lines of `text`, as a table with a column of epochs.
///
/// # Errors
/// There are too many of them.
pub fn read(text: &str, mut table: Table) -> Result<Table> {
    let mut lines: Vec<Line> = Vec::new();
    let mut known = figures::Known::default();
    let mut fold = None;
    let (mut current, mut begins, mut of_batches) = (None, false, 0);
    for line in text.lines().filter(|line| line.len() < 20_000) {
        let found = epoch::find(line);
        if let Some(epoch) = &found {
            if epoch.is_of_another {
                continue;
            }
            (current, begins) = (Some(epoch.number), true);
            table.planned = epoch.planned.or(table.planned);
        }
        fold = epoch::fold(line).or(fold);
        let figures = figures::find(line, found.as_ref(), &mut table, &mut known)?;
        // A trainer that evaluates its best weights when all is over repeats its last record.
        let is_record = line.trim_start().starts_with('{');
        if is_record && summary::is_repeated(&lines, current, &figures, &table) {
            continue;
        }
        if !figures.is_empty() {
            of_batches += usize::from(is_of_a_batch(line));
            lines.push(Line { epoch: current, is_own: found.is_some(), begins, fold, figures });
            begins = false;
        }
    }
    // Of a bar that is drawn anew the last figure counts, of single batches the mean.
    table.takes_last = 2 * of_batches <= lines.len();
    let lines = if lines.iter().any(|line| line.epoch.is_some()) {
        summary::without_summaries(lines, &table)
    } else {
        summary::counted(lines, &table)
    };
    let column = table.column(EPOCH)?;
    for line in lines {
        // Before the first epoch there is none.
        let (Some(column), Some(epoch)) = (column, line.epoch) else { continue };
        let mut cells = line.figures;
        cells.push((column, Cell::Number(epoch)));
        if let Some(fold) = line.fold
            && let Some(column) = table.column("fold")?
        {
            cells.push((column, Cell::Text(format!("fold {fold}").into())));
        }
        table.push(Row { cells, begins: false })?;
    }
    Ok(table)
}
