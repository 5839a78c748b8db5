//! Which column of a table of labels is what, by the names in its first line.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail, ensure};

use crate::data::{
    sources::{choose_classes::LABELS, csv_rows::CsvRows, unreadable},
    splits::split_name::{SplitName, split_in_name},
};

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
        let asked = label.map(|label| named(table, label)).transpose()?;
        let other = |column: Option<usize>| column.filter(|_| column != asked);
        let group = other(table.column(&GROUPS)?);
        let split = match other(table.column(&SPLITS)?) {
            Some(split) => Some(split),
            None => by_content(table, &[Some(name), group, asked])?,
        };
        let rest: Vec<usize> =
            (0..table.head.len()).filter(|column| ![Some(name), split, group].contains(&Some(*column))).collect();
        let label = match asked {
            Some(label) => label,
            None => only(table, &rest)?,
        };
        ensure!(
            label != name,
            "{}: the column {:?} cannot hold labels, since it holds the names of the images",
            table.option,
            table.head[label]
        );
        Ok(Self { name, label, split, group })
    }
}

/// The column whose fields all name splits, of two kinds or more, whatever it is called; `but` are columns of other roles.
/// Fails if there are two, or a column such as fastai's `is_valid` says of each row whether it is of one split.
fn by_content(table: &CsvRows, but: &[Option<usize>]) -> Result<Option<usize>> {
    let rest = (0..table.head.len()).filter(|column| !but.contains(&Some(*column)));
    let are_splits = |column: &usize| {
        let splits: Option<BTreeSet<SplitName>> = table.rows.iter().map(|row| split_of(row.field(*column))).collect();
        splits.is_some_and(|splits| splits.len() > 1)
    };
    let flags = ["is_train", "is_valid", "is_val", "is_test"];
    if let Some(flag) = table.head.iter().find(|column| flags.iter().any(|flag| column.eq_ignore_ascii_case(flag))) {
        bail!("{}: {flag:?} is not read: write a column \"split\" with train, val or test in each row", table.option);
    }
    match rest.filter(are_splits).collect::<Vec<_>>()[..] {
        [] => Ok(None),
        [column] => Ok(Some(column)),
        [one, other, ..] => bail!(
            "{}: the columns {:?} and {:?} both name splits; rename that which counts to \"split\"",
            table.option,
            table.head[one],
            table.head[other]
        ),
    }
}

/// The split that a field names; FER2013's PublicTest is val.
pub fn split_of(text: &str) -> Option<SplitName> {
    match text {
        _ if text.eq_ignore_ascii_case("PublicTest") => Some(SplitName::Val),
        _ if text.eq_ignore_ascii_case("PrivateTest") => Some(SplitName::Test),
        _ => split_in_name(text).filter(|found| found.rest.is_empty()).map(|found| found.split),
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
