//! Folders of splits that the user names.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::split_name::SplitName;

/// The folders of splits that the user names: below the folder of the data, or anywhere. If train is named, no other split
/// is guessed; val and test replace the folders that would be found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitFolders {
    /// The folder of train's class folders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train: Option<PathBuf>,
    /// The folder of val's class folders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub val: Option<PathBuf>,
    /// The folder of test's class folders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<PathBuf>,
}

impl SplitFolders {
    /// Whether no folder is named.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Makes the paths independent of the current folder and of where `root`, the folder of the data, lies: a folder in
    /// `root` becomes relative to it, any other absolute.
    ///
    /// # Errors
    /// One of the folders does not exist, or the current folder was removed.
    pub fn settled(&self, root: &Path) -> Result<Self> {
        let settle = |folder: &Option<PathBuf>, split| {
            let Some(folder) = folder else { return Ok(None) };
            let (root, found) = (std::path::absolute(root)?, std::path::absolute(existing(root, folder, split)?)?);
            let within = found.strip_prefix(&root).map(Path::to_owned).unwrap_or(found);
            anyhow::Ok(Some(if within.as_os_str().is_empty() { ".".into() } else { within }))
        };
        Ok(Self {
            train: settle(&self.train, SplitName::Train)?,
            val: settle(&self.val, SplitName::Val)?,
            test: settle(&self.test, SplitName::Test)?,
        })
    }
}

/// Finds the folder that the user names, below `root` or relative to the current folder.
pub fn existing(root: &Path, folder: &Path, split: SplitName) -> Result<PathBuf> {
    let below = if folder == Path::new(".") { root.to_owned() } else { root.join(folder) };
    let found = [below, folder.to_owned()].into_iter().find(|place| place.is_dir());
    found.with_context(|| {
        format!("`options.selection.folders.{split} = {}`: there is no such folder in {root:?}", folder.display())
    })
}
