//! Which folders hold the splits of a data set: as the user names them, or by their names and contents.
//!
//! A folder whose name means a split *is* that split if it contains class folders; a class called `train`, which contains
//! images, stays a class. A folder around the splits, or around the classes of one split, is entered (`archive/train`,
//! `seg_train/seg_train`). An ambiguous layout is refused; the message says what was found and which options settle it.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

pub use super::split_finder::Layout;
use super::{
    class_folders,
    split_finder::{DEPTH, SplitFinder, inner},
};
use crate::data::splits::{
    split_folders::{SplitFolders, existing},
    split_name::SplitName,
};

/// Finds the splits of the data in `root`. The result may lack train.
/// Fails if a folder cannot be read, a folder that the user names does not exist, or the layout is ambiguous.
pub fn find(root: &Path, chosen: &SplitFolders) -> Result<Layout> {
    let train = named_by_user(root, chosen.train.as_deref(), SplitName::Train)?;
    let val = named_by_user(root, chosen.val.as_deref(), SplitName::Val)?;
    let test = named_by_user(root, chosen.test.as_deref(), SplitName::Test)?;
    let all: Vec<&PathBuf> = [&train, &val, &test].into_iter().flatten().collect();
    for (i, folder) in all.iter().enumerate() {
        if all[..i].contains(folder) {
            bail!("the options name {folder:?} for two splits");
        }
    }
    let apart: Vec<PathBuf> = [&val, &test].into_iter().flatten().cloned().collect();
    let mut layout = if train.is_some() {
        Layout { train, val, test, apart, ..Layout::default() }
    } else {
        let found = SplitFinder { top: root, taken: &apart }.find(root, DEPTH)?;
        Layout { val: val.or(found.val), test: test.or(found.test), apart, ..found }
    };
    class_folders::check(root, &mut layout, chosen.train.is_some())?;
    Ok(layout)
}

/// The folder of the classes inside the folder that the user names, if one is named.
fn named_by_user(root: &Path, folder: Option<&Path>, split: SplitName) -> Result<Option<PathBuf>> {
    let Some(folder) = folder else { return Ok(None) };
    let found = existing(root, folder, split)?;
    Ok(Some(if found == root { found } else { inner(&found, split) }))
}
