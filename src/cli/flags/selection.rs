//! Flags of what is read of the data, and how it is labelled and grouped: they are recorded with a run, and repeated when
//! it is resumed or measured.

use std::path::{Path, PathBuf};

use mindgap::data::{Merge, Selection, SplitFolders};

/// What is read of the data, and how it is labelled and grouped.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct SelectionFlags {
    /// Leave out the samples that this list names, as `mindgap inspect --write-exclude` writes it
    #[arg(long, value_name = "FILE", help_heading = "Data")]
    exclude: Option<PathBuf>,

    /// Leave out the training images that this list names after the splits are drawn, so that val stays as it is
    #[arg(long, value_name = "FILE", help_heading = "Data")]
    exclude_train: Option<PathBuf>,

    /// The folder of train's class folders, below DIR or anywhere; . for DIR itself. No other split is guessed then
    #[arg(long, value_name = "FOLDER", help_heading = "Data")]
    train_dir: Option<PathBuf>,

    /// The folder of val's class folders [default: found by its name, else val is drawn from train]
    #[arg(long, value_name = "FOLDER", help_heading = "Data")]
    val_dir: Option<PathBuf>,

    /// The folder of test's class folders [default: found by its name]
    #[arg(long, value_name = "FOLDER", help_heading = "Data")]
    test_dir: Option<PathBuf>,

    /// Take labels from a table (columns file, label and perhaps split, group) of the images in a folder, whatever its
    /// subfolders
    #[arg(long, value_name = "FILE.csv", help_heading = "Data")]
    pub labels: Option<PathBuf>,

    /// The column of --labels that holds the labels [default: the one whose name says so]
    #[arg(long, value_name = "NAME", help_heading = "Data")]
    label_column: Option<String>,

    /// Correct the labels that a table (columns name, label) names; no file of the data is touched
    #[arg(long, value_name = "FILE.csv", help_heading = "Data")]
    relabel: Option<PathBuf>,

    /// Train on probabilities of classes that a table gives for images (columns name and each class: votes or probabilities) in
    /// place of their labels; val keeps its labels
    #[arg(long, value_name = "FILE.csv", help_heading = "Data")]
    soft_labels: Option<PathBuf>,

    /// Count the images of class A as B, a class of the data or a new one; repeat it for more
    #[arg(long, value_name = "A=B", help_heading = "Data")]
    merge: Vec<Merge>,

    /// Read the images of these classes alone, numbered in this order [default: all, sorted by name]
    #[arg(long, value_name = "A,B,C", value_delimiter = ',', help_heading = "Data")]
    classes: Vec<String>,

    /// Take groups of images (patients, videos, bursts) from a table (columns name, group): a drawn val keeps them whole, and
    /// standard errors are clustered by them
    #[arg(long, value_name = "FILE.csv", conflicts_with = "group_by", help_heading = "Data")]
    groups: Option<PathBuf>,

    /// Take the group of an image from its path below the data's folder: what the first ( ) of this regular expression
    /// matches, or all of it
    #[arg(long, value_name = "REGEX", help_heading = "Data")]
    group_by: Option<String>,
}

impl SelectionFlags {
    /// What --labels without a file, which only `inspect` allows, is read as.
    pub const NO_FILE: &str = "-";

    /// Whether --labels is given without a file.
    pub fn has_labels_without_file(&self) -> bool {
        self.labels.as_ref().is_some_and(|labels| labels == Path::new(Self::NO_FILE))
    }

    /// The flags without a --labels that has no file.
    pub fn with_files_alone(&self) -> Self {
        Self { labels: self.labels.clone().filter(|labels| labels != Path::new(Self::NO_FILE)), ..self.clone() }
    }

    /// What the flags select.
    pub fn selection(&self) -> Selection {
        let (train, val, test) = (self.train_dir.clone(), self.val_dir.clone(), self.test_dir.clone());
        Selection {
            exclude: self.exclude.clone(),
            exclude_train: self.exclude_train.clone(),
            folders: SplitFolders { train, val, test },
            groups: self.groups.clone(),
            group_by: self.group_by.clone(),
            labels: self.labels.clone(),
            label_column: self.label_column.clone(),
            relabel: self.relabel.clone(),
            soft_labels: self.soft_labels.clone(),
            merge: self.merge.clone(),
            classes: self.classes.clone(),
        }
    }
}
