//! What a user should know of how a table of labels was read.

use std::collections::{BTreeMap, BTreeSet};

use super::columns::{Columns, SPLITS, split_of};
use crate::data::sources::{
    csv_rows::{CsvRows, is_called},
    groups,
    unreadable::quoted,
};

/// Which columns count, and which that look as if they did do not; `has_groups` where a table of groups was named.
pub fn of_columns(table: &CsvRows, columns: &Columns, has_groups: bool) -> Vec<String> {
    let name = |column: usize| &table.head[column];
    let mut notes = vec![format!("Labels are those in the column {:?} ({}).", name(columns.label), table.option)];
    if let Some(split) = columns.split.filter(|&split| !is_called(name(split), &SPLITS)) {
        notes.push(format!("Splits are those in the column {:?}.", name(split)));
    }
    let used = [Some(columns.name), Some(columns.label), columns.split, columns.group];
    let rest = || (0..table.head.len()).filter(|column| !used.contains(&Some(*column))).map(name);
    if columns.group.is_none()
        && !has_groups
        && let Some(group) = rest().find(|column| groups::COLUMNS.iter().any(|names| is_called(column, names)))
    {
        notes.push(format!(
            "The column {group:?} is not read; `options.selection.groups` with this table keeps the images of a group together."
        ));
    }
    if columns.split.is_none()
        && let Some(fold) = rest().find(|column| is_of_folds(column))
    {
        notes.push(format!(
            "The column {fold:?} is not read: folds are drawn, and splits are those of a column \"split\"."
        ));
    }
    notes
}

/// Whether a column is called like one of folds: `fold`, `cv_fold`, `Fold_5`.
fn is_of_folds(column: &str) -> bool {
    let name = column.to_lowercase();
    name.starts_with("fold") || name.ends_with("fold") || name.ends_with("folds")
}

/// A note where `folders` with labelled images are called like splits, unless the table `has_splits` of its own.
pub fn of_folders(folders: &BTreeSet<&[u8]>, has_splits: bool) -> Option<String> {
    let names = folders.iter().map(|folder| String::from_utf8_lossy(folder).into_owned());
    let named: Vec<String> = names.filter(|name| split_of(name).is_some()).collect();
    let kinds: BTreeSet<_> = named.iter().filter_map(|name| split_of(name)).collect();
    (!has_splits && kinds.len() > 1).then(|| {
        format!(
            "The folders {} are not read as splits, since the table of labels names none; a column \"split\" would.",
            quoted(named.iter())
        )
    })
}

/// A note where some of the different `labels` differ in their form alone: in case, or as numbers are written.
pub fn of_forms(labels: &BTreeSet<&str>) -> Option<String> {
    let mut forms: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for label in labels {
        let form = label.parse::<f64>().map_or_else(|_| label.to_lowercase(), |number| number.to_string());
        forms.entry(form).or_default().push(label);
    }
    let several: Vec<&str> = forms.into_values().filter(|labels| labels.len() > 1).flatten().collect();
    (!several.is_empty()).then(|| {
        format!(
            "Labels that differ in their form alone count as classes of their own: {}. `options.selection.merge = A=B` counts A as B.",
            quoted(several.iter())
        )
    })
}

/// A note where some of the different `labels` are numbers with a fraction, as measured values are.
pub fn of_fractions(labels: &BTreeSet<&str>) -> Option<String> {
    let has_fraction = |label: &&&str| label.parse().is_ok_and(|number: f64| number.fract() != 0.0);
    let found: Vec<&&str> = labels.iter().filter(has_fraction).collect();
    (!found.is_empty()).then(|| {
        format!(
            "Numbers with a fraction count as classes: {}. mindgap learns classes; values on a scale need other programs.",
            quoted(found.iter())
        )
    })
}

/// The labels of several words, where they are combinations of fewer words than there are labels: tags.
fn combinations<'a>(labels: &BTreeSet<&'a str>) -> Vec<&'a str> {
    let words: BTreeSet<&str> = labels.iter().flat_map(|label| label.split([' ', '|', ',', ';'])).collect();
    let several: Vec<&str> = labels.iter().copied().filter(|label| label.contains([' ', '|', ',', ';'])).collect();
    if words.len() < labels.len() && 2 * several.len() > labels.len() { several } else { Vec::new() }
}

/// A note where some of the different `labels` look like several.
pub fn of_joined_labels(labels: &BTreeSet<&str>) -> Option<String> {
    let is_joined = |label: &&&str| {
        let parts: Vec<&str> = label.split(['|', ',', ';', ' ']).filter(|part| !part.is_empty()).collect();
        parts.len() > 1 && parts.iter().all(|part| labels.contains(part))
    };
    let mut found: Vec<&str> = labels.iter().filter(is_joined).copied().collect();
    if found.is_empty() {
        found = combinations(labels);
    }
    (!found.is_empty()).then(|| {
        format!(
            "Labels that look like several at once count as classes of their own: {}. Each image has one class here.",
            quoted(found.iter())
        )
    })
}
