//! Folders of splits that the user names, by `--train-dir`, `--val-dir` and `--test-dir`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::split_name::SplitName;

/// The folders of splits that the user names: below the folder of the data, or anywhere. Once train is named nothing is
/// guessed; val and test replace what would be found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitFolders {
    /// The folder of train's class folders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train: Option<PathBuf>,
    /// The folder of val's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub val: Option<PathBuf>,
    /// The folder of test's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<PathBuf>,
}

impl SplitFolders {
    /// Whether none is named.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The same folders, findable from anywhere and wherever `root`, the folder of the data, is moved: relative to it
    /// if they lie in it, else absolute.
    ///
    /// # Errors
    /// One of them is not there, or the current folder is gone.
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

/// The folder that the user names, below `root` or from where the program runs.
pub fn existing(root: &Path, folder: &Path, split: SplitName) -> Result<PathBuf> {
    let below = if folder == Path::new(".") { root.to_owned() } else { root.join(folder) };
    let found = [below, folder.to_owned()].into_iter().find(|place| place.is_dir());
    found.with_context(|| format!("--{split}-dir {}: there is no such folder in {root:?}", folder.display()))
}
