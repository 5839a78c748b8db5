//! Whether a table beside class folders names their images, and gives them labels that have nothing to do with the folders:
//! `HAM10000_images_part_1`, `HAM10000_images_part_2` and `HAM10000_metadata.csv`.

use std::{
    collections::{BTreeSet, HashMap},
    path::{Path, PathBuf},
};

use anyhow::{Result, bail};

use super::{
    choose_classes::LABELS,
    csv_rows::{CsvRows, IMAGE_COLUMNS, is_called, names_images},
    layout_messages, unreadable,
};
use crate::data::splits::split_name::SplitName;

/// Further names of columns that hold labels, in tables beside folders that may be no classes.
const OF_LABELS: [&str; 14] = [
    "dx",
    "diagnosis",
    "finding",
    "finding_labels",
    "species",
    "breed",
    "emotion",
    "expression",
    "level",
    "grade",
    "severity",
    "disease",
    "tags",
    "subcategory",
];

/// A table whose rows name images of several class folders.
struct Table {
    rows: CsvRows,
    name: usize,
    /// The rows that name one image, each with the class folder of the image.
    named: Vec<(usize, usize)>,
}

/// Refuses class folders of the data in `top` whose images one of `tables` names, where no column goes with the folders: either may be the
/// classes. `classes` are the folders with their images. Returns a note where the columns are hardly labels.
/// Fails there alone; a table that cannot be read, or names fewer than half of the images, is none.
pub fn check(top: &Path, tables: &[PathBuf], classes: &[(String, Vec<PathBuf>)]) -> Result<Option<String>> {
    for table in tables {
        if let Some(found) = Table::of(table, classes) {
            return found.check(top, table, classes);
        }
    }
    Ok(None)
}

impl Table {
    /// The table, if it can be read and names half of the images or more.
    fn of(table: &Path, classes: &[(String, Vec<PathBuf>)]) -> Option<Self> {
        // Tables of pixels are large.
        let rows = names_images(table).then(|| CsvRows::read("labels", table).ok()).flatten()?;
        let [first, second] = IMAGE_COLUMNS.map(|names| rows.column(names).ok().flatten());
        let name = first.or(second)?;
        let mut classes_of: HashMap<String, Option<usize>> = HashMap::new();
        let mut images = 0;
        for (class, (_, files)) in classes.iter().enumerate() {
            images += files.len();
            for file in files {
                // A name that is in two folders tells nothing.
                classes_of
                    .entry(stem(&file.to_string_lossy()))
                    .and_modify(|known| *known = None)
                    .or_insert(Some(class));
            }
        }
        let class_of = |row: usize| classes_of.get(&stem(rows.rows[row].field(name))).copied().flatten();
        let named: Vec<(usize, usize)> = (0..rows.rows.len()).filter_map(|row| Some((row, class_of(row)?))).collect();
        (!named.is_empty() && 2 * named.len() >= images).then_some(Self { rows, name, named })
    }

    /// Checks the folders `classes` of the data in `top` by this table, whose file is `table`.
    fn check(&self, top: &Path, table: &Path, classes: &[(String, Vec<PathBuf>)]) -> Result<Option<String>> {
        let others = (0..self.rows.head.len()).filter(|column| *column != self.name);
        if others.clone().any(|column| self.goes_with_folders(column)) {
            return Ok(None);
        }
        let label = others.clone().find(|&column| self.is_of_labels(column));
        let are_parts = are_numbered_parts(classes);
        let names = unreadable::quoted(classes.iter().map(|(name, _)| name));
        if label.is_none() && !are_parts {
            return Ok(Some(format!(
                "{table:?} names these images and is not read: the folders are the classes. `options.selection.labels` would read it."
            )));
        }
        let column = label
            .map_or(String::new(), |label| format!(" `options.selection.label_column = {}`", self.rows.head[label]));
        bail!(
            "{table:?} names these images, and none of its columns goes with their folders, {names}. If the labels are in it, add \
             `options.selection.labels = {}`{column}; if the folders are the classes, add {}",
            table.display(),
            layout_messages::option(top, SplitName::Train, top)
        )
    }

    fn values(&self, column: usize) -> BTreeSet<&str> {
        self.named.iter().map(|(row, _)| self.rows.rows[*row].field(column)).collect()
    }

    /// Whether the folder of an image tells its value in `column`, and not all have the same.
    fn goes_with_folders(&self, column: usize) -> bool {
        let mut value_of: HashMap<usize, &str> = HashMap::new();
        self.values(column).len() > 1
            && self.named.iter().all(|(row, class)| {
                let value = self.rows.rows[*row].field(column);
                *value_of.entry(*class).or_insert(value) == value
            })
    }

    /// Whether the `column` is called like one of labels, and its values repeat.
    fn is_of_labels(&self, column: usize) -> bool {
        let name = &self.rows.head[column];
        let values = self.values(column).len();
        (is_called(name, &LABELS) || is_called(name, &OF_LABELS)) && values > 1 && values < self.named.len()
    }
}

/// The name of a file without its folders and its extension.
fn stem(path: &str) -> String {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    Path::new(name).file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Whether the names of the folders are one name with different numbers, as parts of one set are called; numbers alone may be classes.
fn are_numbered_parts(classes: &[(String, Vec<PathBuf>)]) -> bool {
    let without = |name: &String| -> String { name.chars().filter(|c| !c.is_ascii_digit()).collect() };
    let mut names = classes.iter().map(|(name, _)| without(name));
    let first = names.next().unwrap_or_default();
    first.chars().filter(|c| c.is_alphabetic()).count() > 1 && names.all(|name| name == first)
}
