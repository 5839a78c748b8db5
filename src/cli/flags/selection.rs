//! Flags of what is read of the data: they are recorded with a run, and repeated when it is resumed or measured.

use std::path::PathBuf;

use crate::cli::flags::splits::SplitFlags;
use mindgap::data::Selection;

/// What is read of the data.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct SelectionFlags {
    /// Leave out the samples that this list names, as `mindgap inspect --write-exclude` writes it
    #[arg(long, value_name = "FILE", help_heading = "Data")]
    exclude: Option<PathBuf>,

    #[command(flatten)]
    splits: SplitFlags,
}

impl SelectionFlags {
    /// What the flags select.
    pub fn selection(&self) -> Selection {
        Selection { exclude: self.exclude.clone(), folders: self.splits.folders() }
    }
}

impl From<Selection> for SelectionFlags {
    fn from(selection: Selection) -> Self {
        let Selection { exclude, folders } = selection;
        Self { exclude, splits: folders.into() }
    }
}
