//! Which column of a table of labels is what, by the names in its first line.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail, ensure};

use crate::data::{
    sources::{
        choose_classes::LABELS,
        csv_rows::{CsvRows, is_called},
        unreadable,
    },
    splits::split_name::{SplitName, split_in_name},
};

/// Names of the column of splits, and of groups.
pub const SPLITS: [&str; 5] = ["split", "usage", "subset", "set", "partition"];
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
    let mut rest = (0..table.head.len()).filter(|column| !but.contains(&Some(*column)));
    let are_splits = |column: &usize| {
        let splits: Option<BTreeSet<SplitName>> = table.rows.iter().map(|row| split_of(row.field(*column))).collect();
        splits.is_some_and(|splits| splits.len() > 1)
    };
    if let Some(flag) = rest.clone().find(|&column| is_flag(table, column)) {
        bail!(
            "{}: {:?} is not read: write a column \"split\" with train, val or test in each row",
            table.option,
            table.head[flag]
        );
    }
    match rest.clone().filter(are_splits).collect::<Vec<_>>()[..] {
        [] => rest.try_for_each(|column| check_no_split_is_lacking(table, column)).map(|()| None),
        [column] => Ok(Some(column)),
        [one, other, ..] => bail!(
            "{}: the columns {:?} and {:?} both name splits; rename that which counts to \"split\"",
            table.option,
            table.head[one],
            table.head[other]
        ),
    }
}

/// Whether the `column` says of each row whether it is of one split: fastai's `is_valid`, or `val` with 0 and 1.
fn is_flag(table: &CsvRows, column: usize) -> bool {
    let name = table.head[column].to_lowercase();
    let yes_and_no = ["0", "1", "true", "false", "yes", "no"];
    let are_yes_and_no =
        || table.rows.iter().all(|row| yes_and_no.contains(&row.field(column).to_lowercase().as_str()));
    match name.strip_prefix("is_") {
        Some("training_image") => true,
        Some(rest) => split_of(rest).is_some(),
        None => split_of(&name).is_some() && are_yes_and_no(),
    }
}

/// Fails if the `column` names splits, of two kinds or more, in two of three rows, and none in others: all rows would count as train.
fn check_no_split_is_lacking(table: &CsvRows, column: usize) -> Result<()> {
    let splits: Vec<Option<SplitName>> = table.rows.iter().map(|row| split_of(row.field(column))).collect();
    let kinds: BTreeSet<SplitName> = splits.iter().flatten().copied().collect();
    let named = splits.iter().flatten().count();
    let lacking = table.rows.iter().zip(&splits).find(|(_, split)| split.is_none());
    match lacking {
        Some((row, _)) if kinds.len() > 1 && 3 * named >= 2 * splits.len() => bail!(
            "{}: the column {:?} names splits, but in line {} it has {:?}, which is none of train, val, test; correct that, or remove the \
             column if it does not name splits",
            table.option,
            table.head[column],
            row.line,
            row.field(column)
        ),
        _ => Ok(()),
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
    let mut called = (0..table.head.len()).filter(|&column| table.head[column] == label);
    let first = called.next().with_context(|| {
        format!(
            "`options.selection.label_column = {label}`: {} has no such column; there are {}",
            table.option,
            quoted(table, 0..table.head.len())
        )
    })?;
    ensure!(called.next().is_none(), "{}: two columns are called {label:?}; rename one of them", table.option);
    Ok(first)
}

/// The column of labels among `rest`: by its name or, where no other is there, the only one.
fn only(table: &CsvRows, rest: &[usize]) -> Result<usize> {
    let is_named = |column: &usize| is_called(&table.head[*column], &LABELS);
    let known: Vec<usize> = rest.iter().copied().filter(is_named).collect();
    match (&known[..], rest) {
        (&[label], _) | ([], &[label]) => Ok(label),
        ([], []) => {
            bail!("{}: it has no column of labels; there are {}", table.option, quoted(table, 0..table.head.len()))
        }
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

/// Whether the columns hold a number for each class: all are numbers and, in half of the rows or more, shares, or votes of which some
/// are 0. Sizes and positions are not.
fn are_numbers(table: &CsvRows, columns: &[usize]) -> bool {
    let mut of_classes = 0;
    for row in &table.rows {
        let numbers: Option<Vec<f64>> = columns.iter().map(|&column| row.field(column).parse().ok()).collect();
        let Some(numbers) = numbers else { return false };
        let are_shares = numbers.iter().all(|number| (0.0..=1.0).contains(number));
        of_classes += usize::from(are_shares || numbers.contains(&0.0));
    }
    2 * of_classes >= table.rows.len()
}

fn quoted(table: &CsvRows, columns: impl ExactSizeIterator<Item = usize>) -> String {
    unreadable::quoted(columns.map(|column| &table.head[column]))
}
