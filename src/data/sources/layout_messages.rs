//! The words in which an ambiguous or unusable layout of folders is explained, with the options that settle it.
//!
//! Options are written as assignments in backticks, such as `options.selection.folders.train = photos`, the fields of
//! [`Options`](crate::data::Options). The command line replaces them by its flags.

use std::path::{Path, PathBuf};

use super::{
    files_beside::{packed_among, table_among},
    unreadable,
};
use crate::data::splits::split_name::SplitName;

/// The three options that name the folders of splits.
const ALL_OPTIONS: &str =
    "`options.selection.folders.train`, `options.selection.folders.val` and `options.selection.folders.test`";

/// The option that makes `folder` the folder of `split`; `top` is the folder of the data.
pub fn option(top: &Path, split: SplitName, folder: &Path) -> String {
    let within = folder.strip_prefix(top).unwrap_or(folder);
    let within = if within.as_os_str().is_empty() { Path::new(".") } else { within };
    format!("`options.selection.folders.{split} = {}`", within.display())
}

/// The option that makes all folders in `top` classes of train.
fn all_are_classes(top: &Path) -> String {
    option(top, SplitName::Train, top)
}

/// `folder` in quotes, relative to `top` if it lies inside.
pub fn quoted(top: &Path, folder: &Path) -> String {
    format!("{:?}", folder.strip_prefix(top).unwrap_or(folder))
}

/// The first of `folders` in quotes, relative to `top`.
pub fn quoted_list(top: &Path, folders: &[&PathBuf]) -> String {
    unreadable::in_line(folders.iter().map(|folder| quoted(top, folder)))
}

/// `train` has a longer name and stands beside folders with images, `others`.
pub fn train_or_class(top: &Path, train: &Path, others: &[&PathBuf]) -> String {
    format!(
        "{train:?} may be the train split or a class beside {}. For the split, add {}; for a class, add {}",
        quoted_list(top, others),
        option(top, SplitName::Train, train),
        all_are_classes(top)
    )
}

/// `alike` hold class folders of `train`, and there is no val, but perhaps a `test`.
pub fn split_or_copy(top: &Path, train: &Path, test: Option<&Path>, alike: &[&PathBuf]) -> String {
    let test = test.map_or(String::new(), |test| format!(" {}", option(top, SplitName::Test, test)));
    format!(
        "{} {} class folders that {train:?} holds too, and no folder is called val. If one of them is a split, name it, such as {} or {}; \
         to leave them out, add {}{test}",
        quoted_list(top, alike),
        if alike.len() == 1 { "holds" } else { "hold" },
        option(top, SplitName::Val, alike[0]),
        option(top, SplitName::Test, alike[0]),
        option(top, SplitName::Train, train),
    )
}

/// `folders` in `root` all have names of `split`.
pub fn several_for_one_split(top: &Path, root: &Path, split: SplitName, folders: &[&PathBuf]) -> String {
    format!(
        "{root:?} holds {} folders for one split: {folders:?}; keep one, put their images together, or name one, such as {}",
        folders.len(),
        option(top, split, folders[0])
    )
}

/// `holders` hold folders named like splits; `with_images` lie beside them.
pub fn several_data_sets(top: &Path, holders: &[&PathBuf], with_images: &[&PathBuf]) -> String {
    let beside = if with_images.is_empty() {
        String::new()
    } else {
        format!(", beside {} with images", quoted_list(top, with_images))
    };
    format!(
        "these folders in {top:?} hold folders named like splits: {}{beside}. If one of them is the data, open that folder \
         (`source`); if one split lies in each, name them with {ALL_OPTIONS}; if they are classes, move the splits above \
         them, as in train/CLASS/IMAGE",
        quoted_list(top, holders)
    )
}

/// `flat` are named like splits, but hold images instead of class folders, and there are no classes beside them.
pub fn splits_without_classes(top: &Path, flat: &[&Path]) -> String {
    let folders: Vec<String> = flat.iter().map(|folder| format!("{folder:?}")).collect();
    format!(
        "{} {} no class folders, though named like a split; images belong in train/CLASS/IMAGE. If the splits lie \
         elsewhere, name them with {ALL_OPTIONS}; if these are the classes, add {}",
        folders.join(", "),
        if flat.len() == 1 { "holds" } else { "hold" },
        all_are_classes(top)
    )
}

/// A hint at a table among `files` that may hold the labels; empty where there is none.
pub fn table_beside(files: &[PathBuf]) -> String {
    table_among(files).map_or(String::new(), |table| {
        format!("; if the labels are in the table beside them, add `options.selection.labels = {}`", table.display())
    })
}

/// A hint at a table among `files`, which lie outside of class folders, or at one that holds many images; None where there is none.
pub fn file_outside(files: &[PathBuf]) -> Option<String> {
    let Some(table) = table_among(files) else { return packed_among(files) };
    Some(format!(
        "A table of pixels is opened by its own path ({table:?}); one of labels is named by `options.selection.labels`"
    ))
}

/// `test` holds images beside the class folders `classes`, and there is no train.
pub fn test_or_class(top: &Path, root: &Path, test: &Path, classes: &[&PathBuf]) -> String {
    format!(
        "{root:?} holds {} with images beside {}, and no train folder beside it: it may be a class, or a test split \
         without labels. For a split, add {train} {}; for a class, add {train} alone",
        quoted(top, test),
        quoted_list(top, classes),
        option(top, SplitName::Test, test),
        train = all_are_classes(top),
    )
}

/// A note that `folder` counts as a class although it is named like `split`.
pub fn read_as_class(top: &Path, folder: &Path, split: SplitName) -> String {
    format!(
        "{} is read as a class, since it holds images and no class folders (`options.selection.folders.{split}` names a \
         split).",
        quoted(top, folder)
    )
}

/// `folder` is most likely train: it has classes of the other split, whose options are `others`.
pub fn likely_train(top: &Path, folder: &Path, others: &[String]) -> String {
    format!(
        "no train folder beside it; if {} is train, add {}{}; if all folders are classes, add {}",
        quoted(top, folder),
        option(top, SplitName::Train, folder),
        joined(others),
        all_are_classes(top)
    )
}

/// `classes` lie beside splits without a train; the options of these splits are `others`.
pub fn classes_beside_splits(top: &Path, classes: &[&PathBuf], others: &[String]) -> String {
    format!(
        "no train folder beside it; if {} are train's classes, add{}; if all folders are classes, add {}",
        quoted_list(top, classes),
        joined(others),
        all_are_classes(top)
    )
}

/// A note that folders were read as splits although their names are longer than the plain ones.
pub fn interpreted(top: &Path, splits: &[(&Path, SplitName)]) -> String {
    let read: Vec<String> =
        splits.iter().map(|(folder, split)| format!("{} as {split}", quoted(top, folder))).collect();
    format!("By their names these folders are read: {} ({ALL_OPTIONS} name others).", read.join(", "))
}

fn joined(options: &[String]) -> String {
    options.iter().map(|option| format!(" {option}")).collect()
}
