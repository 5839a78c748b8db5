//! Which column of a table of labels is what, by the names in its first line.

use anyhow::{Context, Result, bail, ensure};

use crate::data::sources::{choose_classes::LABELS, csv_rows::CsvRows, unreadable};

/// Names of the column of splits, and of groups.
const SPLITS: [&str; 5] = ["split", "usage", "subset", "set", "partition"];
const GROUPS: [&str; 2] = ["group", "group_id"];

/// The roles of the columns.
pub struct Columns {
    pub name: usize,
    pub label: usize,
    pub split: Option<usize>,
    pub group: Option<usize>,
}

impl Columns {
    /// Finds the columns of `table`. `label` names that of the labels, unless its own name does.
    /// Fails if a column is missing, or it is not clear which one is meant.
    pub fn find(table: &CsvRows, label: Option<&str>) -> Result<Self> {
        let name = table.names()?;
        let split = table.column(&SPLITS)?;
        let group = table.column(&GROUPS)?;
        let rest: Vec<usize> =
            (0..table.head.len()).filter(|column| ![Some(name), split, group].contains(&Some(*column))).collect();
        let label = match label {
            Some(label) => named(table, label)?,
            None => only(table, &rest)?,
        };
        ensure!(
            label != name && Some(label) != split && Some(label) != group,
            "{}: the column {:?} cannot hold labels, since it holds names, splits or groups",
            table.option,
            table.head[label]
        );
        Ok(Self { name, label, split, group })
    }
}

fn named(table: &CsvRows, label: &str) -> Result<usize> {
    table.head.iter().position(|column| column == label).with_context(|| {
        format!(
            "`options.selection.label_column = {label}`: {} has no such column; there are {}",
            table.option,
            quoted(table, 0..table.head.len())
        )
    })
}

/// The column of labels among `rest`: by its name or, where no other is there, the only one.
fn only(table: &CsvRows, rest: &[usize]) -> Result<usize> {
    let is_named = |column: &usize| LABELS.iter().any(|name| table.head[*column].eq_ignore_ascii_case(name));
    let known: Vec<usize> = rest.iter().copied().filter(is_named).collect();
    match (&known[..], rest) {
        (&[label], _) | ([], &[label]) => Ok(label),
        ([], []) => bail!("{}: it has no column of labels; there are {:?}", table.option, table.head),
        ([], _) if are_numbers(table, rest) => bail!(
            "{}: {} hold a number for each class (one-hot or soft labels), which is not read: write one column with the \
             name of each image's class",
            table.option,
            quoted(table, rest.iter().copied())
        ),
        (candidates, _) => bail!(
            "{}: which column holds the labels? Name one of {} (`options.selection.label_column`)",
            table.option,
            quoted(table, if candidates.is_empty() { rest } else { candidates }.iter().copied())
        ),
    }
}

fn are_numbers(table: &CsvRows, columns: &[usize]) -> bool {
    table.rows.iter().all(|row| columns.iter().all(|&column| row.field(column).parse::<f64>().is_ok()))
}

fn quoted(table: &CsvRows, columns: impl ExactSizeIterator<Item = usize>) -> String {
    unreadable::quoted(columns.map(|column| &table.head[column]))
}
