//! Flags that name the folders of splits, for data whose folders do not show them.

use std::path::PathBuf;

use mindgap::data::SplitFolders;

/// The folders of splits: below the folder of the data, or anywhere.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct SplitFlags {
    /// The folder of train's class folders, below DIR or anywhere; . for DIR itself. No other split is guessed then
    #[arg(long, value_name = "FOLDER", help_heading = "Data")]
    train_dir: Option<PathBuf>,

    /// The folder of val's class folders [default: found by its name, else val is drawn from train]
    #[arg(long, value_name = "FOLDER", help_heading = "Data")]
    val_dir: Option<PathBuf>,

    /// The folder of test's class folders [default: found by its name]
    #[arg(long, value_name = "FOLDER", help_heading = "Data")]
    test_dir: Option<PathBuf>,
}

impl SplitFlags {
    /// The folders that the flags name.
    pub fn folders(&self) -> SplitFolders {
        SplitFolders { train: self.train_dir.clone(), val: self.val_dir.clone(), test: self.test_dir.clone() }
    }
}

impl From<SplitFolders> for SplitFlags {
    fn from(folders: SplitFolders) -> Self {
        let SplitFolders { train, val, test } = folders;
        Self { train_dir: train, val_dir: val, test_dir: test }
    }
}
