//! What of a source is read, and how: the choices of the user that a run records and repeats.

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::splits::split_folders::SplitFolders;

/// What of a source is read. A plan and a run record it, so that the same images are found again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// A list of samples to treat as absent, before any split is drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclude: Option<PathBuf>,
    /// The folders of splits that the user names.
    #[serde(default, skip_serializing_if = "SplitFolders::is_empty")]
    pub folders: SplitFolders,
}

impl Selection {
    /// These choices or, where one is left open, that of `before`.
    #[must_use]
    pub fn or(&self, before: &Self) -> Self {
        let Self { exclude, folders } = self.clone();
        Self {
            exclude: exclude.or_else(|| before.exclude.clone()),
            folders: if folders.is_empty() { before.folders.clone() } else { folders },
        }
    }

    /// The selection with the path of each file of lists replaced by what `place` gives for it.
    ///
    /// # Errors
    /// Those of `place`.
    pub fn with_files(&self, place: impl Fn(&Path) -> Result<PathBuf>) -> Result<Self> {
        let exclude = self.exclude.as_deref().map(&place).transpose()?;
        Ok(Self { exclude, ..self.clone() })
    }
}
