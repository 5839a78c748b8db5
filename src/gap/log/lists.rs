//! A list for each figure in a JSON document, with one entry for each epoch.

use anyhow::{Result, ensure};
use serde_json::Value;

use super::{
    cell::Cell,
    objects::{Fields, cell, is_side_or_figure},
    table::{Row, Table},
};

/// A list for each figure, with one entry for each epoch, as in Keras' history. Where the training loss has an entry for
/// each batch and the val loss one for each epoch, the entries are numbered as steps.
pub fn read(fields: &Fields, mut table: Table) -> Result<Option<Table>> {
    let mut lists = Vec::new();
    gather_lists(fields, "", &mut lists);
    let columns: Vec<Option<u32>> = lists.iter().map(|(name, _)| table.column(name)).collect::<Result<_>>()?;
    let losses = table.figures();
    let all = lists.iter().zip(&columns).filter_map(|((_, list), column)| Some((list.len(), (*column)?)));
    let lengths: Vec<usize> = all.filter(|(_, column)| losses.contains(column)).map(|(length, _)| length).collect();
    let longest = lengths.iter().max().copied().unwrap_or_default();
    let batches = batches_of_an_epoch(&lengths)?;
    let step = if batches > 1 { table.column("step")? } else { None };
    for at in 0..longest {
        let mut cells: Vec<(u32, Cell)> = step.map(|step| (step, Cell::Number((at + 1) as f64))).into_iter().collect();
        for ((_, list), column) in lists.iter().zip(&columns) {
            let is_of_epochs = batches > 1 && list.len() == longest / batches;
            let place = match is_of_epochs {
                true if (at + 1) % batches > 0 => continue,
                true => at / batches,
                false => at,
            };
            cells.extend((*column).zip(list.get(place).and_then(cell)));
        }
        table.push(Row { cells, begins: false })?;
    }
    Ok(Some(table))
}

/// How many entries the longest list of losses has for each entry of the shortest; 1 for lists of one length, of which the
/// last epoch may not have been measured yet.
///
/// # Errors
/// The lengths do not tell which entries belong together.
fn batches_of_an_epoch(lengths: &[usize]) -> Result<usize> {
    let of_figures = || lengths.iter().copied().filter(|length| *length > 0);
    let (Some(longest), Some(shortest)) = (of_figures().max(), of_figures().min()) else { return Ok(1) };
    if longest - shortest <= 1 {
        return Ok(1);
    }
    ensure!(
        of_figures().all(|length| length == longest || length == shortest) && longest.is_multiple_of(shortest),
        "its lists of losses have {longest} and {shortest} entries, which does not tell the entries of one epoch: log each loss \
         once an epoch"
    );
    Ok(longest / shortest)
}

/// The lists of an object, and of the objects in it that a side or a figure names: `{"train": {"loss": […]}}` and
/// `{"loss": {"train": […]}}`.
fn gather_lists<'a>(fields: &'a Fields, prefix: &str, lists: &mut Vec<(String, &'a [Value])>) {
    for (name, value) in fields {
        let path = format!("{prefix}{name}");
        match value {
            Value::Array(list) if list.iter().any(|value| cell(value).is_some()) => lists.push((path, list)),
            Value::Object(inside) if is_side_or_figure(name) => gather_lists(inside, &format!("{path}/"), lists),
            _ => {}
        }
    }
}

/// Whether an object holds lists of known figures.
pub fn are_in(fields: &Fields, table: &Table) -> bool {
    let mut lists = Vec::new();
    gather_lists(fields, "", &mut lists);
    lists.iter().any(|(name, _)| table.keeps(name))
}
