//! What of a source is read, and how it is labelled and grouped: the choices of the user that a run records and repeats.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use anyhow::{Error, Result, bail};
use serde::{Deserialize, Serialize};

use super::splits::split_folders::SplitFolders;

/// What of a source is read, and how it is labelled and grouped. A plan and a run record it, so that the same images are
/// found again with the same labels.
///
/// Labels are read first, then corrected (`relabel`), then joined (`merge`), then chosen (`classes`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// A list of samples to treat as absent, before any split is drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclude: Option<PathBuf>,
    /// A list of training images to leave out after the splits are drawn, so that val stays as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclude_train: Option<PathBuf>,
    /// The folders of splits that the user names.
    #[serde(default, skip_serializing_if = "SplitFolders::is_empty")]
    pub folders: SplitFolders,
    /// A table with the group (patient, video, burst) of each sample, whose images are not independent: drawn splits keep
    /// groups whole, and standard errors are clustered by group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<PathBuf>,
    /// A regular expression whose first capture group, or whole match, in the path of an image below the folder of the data
    /// is the group of the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_by: Option<String>,
    /// A table with the label, and perhaps split and group, of each image file in a folder. Folders then mean nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<PathBuf>,
    /// The column of `labels` that holds the labels; `None`: the one whose name says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_column: Option<String>,
    /// A table with corrected labels of some samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relabel: Option<PathBuf>,
    /// A table with a column of votes or probabilities for each class, for training images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soft_labels: Option<PathBuf>,
    /// Classes that count as others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub merge: Vec<Merge>,
    /// The classes in use, in the order of their numbers; images of others are left out. Empty: all classes.
    #[serde(default, rename = "chosen_classes", skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
}

impl Selection {
    /// These choices or, where one is left open, that of `before`.
    #[must_use]
    pub fn or(&self, before: &Self) -> Self {
        let (own, before) = (self.clone(), before.clone());
        // A table and an expression exclude each other.
        let of_groups = if own.groups.is_some() || own.group_by.is_some() { &own } else { &before };
        Self {
            groups: of_groups.groups.clone(),
            group_by: of_groups.group_by.clone(),
            exclude: own.exclude.or(before.exclude),
            exclude_train: own.exclude_train.or(before.exclude_train),
            folders: if own.folders.is_empty() { before.folders } else { own.folders },
            labels: own.labels.or(before.labels),
            label_column: own.label_column.or(before.label_column),
            relabel: own.relabel.or(before.relabel),
            soft_labels: own.soft_labels.or(before.soft_labels),
            merge: if own.merge.is_empty() { before.merge } else { own.merge },
            classes: if own.classes.is_empty() { before.classes } else { own.classes },
        }
    }

    /// The selection with the path of each list and table replaced by what `place` gives for it.
    ///
    /// # Errors
    /// `place` fails.
    pub fn with_files(&self, place: impl Fn(&Path) -> Result<PathBuf>) -> Result<Self> {
        let placed = |file: &Option<PathBuf>| file.as_deref().map(&place).transpose();
        Ok(Self {
            exclude: placed(&self.exclude)?,
            exclude_train: placed(&self.exclude_train)?,
            groups: placed(&self.groups)?,
            labels: placed(&self.labels)?,
            relabel: placed(&self.relabel)?,
            soft_labels: placed(&self.soft_labels)?,
            ..self.clone()
        })
    }
}

/// A class whose images count as another's. Its text is `FROM=INTO`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Merge {
    /// The class in the data.
    pub from: String,
    /// The class that its images count as, of the data or a new one.
    pub into: String,
}

impl FromStr for Merge {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.split('=').map(str::trim).collect::<Vec<_>>()[..] {
            [from, into] if !from.is_empty() && !into.is_empty() && from != into => {
                Ok(Self { from: from.into(), into: into.into() })
            }
            _ => bail!("{text:?}: two class names are expected, as in happy=positive"),
        }
    }
}

impl TryFrom<String> for Merge {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Merge> for String {
    fn from(merge: Merge) -> Self {
        merge.to_string()
    }
}

impl fmt::Display for Merge {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}={}", self.from, self.into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A selection with every choice made.
    fn full() -> Selection {
        Selection {
            exclude: Some("exclude.txt".into()),
            exclude_train: Some("fewer.txt".into()),
            folders: SplitFolders { val: Some("validation".into()), ..SplitFolders::default() },
            groups: Some("groups.csv".into()),
            group_by: None,
            labels: Some("labels.csv".into()),
            label_column: Some("dx".into()),
            relabel: Some("relabel.csv".into()),
            soft_labels: Some("votes.csv".into()),
            merge: vec!["happy=positive".parse().unwrap()],
            classes: vec!["positive".into(), "sad".into()],
        }
    }

    #[test]
    fn a_selection_survives_json_and_an_empty_one_leaves_no_trace() {
        let json = serde_json::to_string(&full()).unwrap();
        assert_eq!(serde_json::from_str::<Selection>(&json).unwrap(), full());
        assert!(json.contains(r#""merge":["happy=positive"],"chosen_classes":["positive","sad"]"#), "{json}");
        assert_eq!(serde_json::to_string(&Selection::default()).unwrap(), "{}");
    }

    #[test]
    fn what_is_left_open_is_what_was_before() {
        assert_eq!(Selection::default().or(&full()), full());
        let by_name = Selection { group_by: Some("^[a-z]+".into()), ..Selection::default() };
        assert_eq!(
            by_name.or(&full()),
            Selection { groups: None, ..Selection { group_by: by_name.group_by, ..full() } }
        );
        let absolute = full().with_files(|file| Ok(Path::new("/data").join(file))).unwrap();
        assert_eq!(absolute.relabel.as_deref(), Some(Path::new("/data/relabel.csv")));
        assert_eq!(absolute.soft_labels.as_deref(), Some(Path::new("/data/votes.csv")));
        assert_eq!((&absolute.folders, absolute.classes.len()), (&full().folders, 2));
    }

    #[test]
    fn a_merge_names_two_classes() {
        let merge: Merge = "very happy = happy".parse().unwrap();
        assert_eq!((merge.from.as_str(), merge.into.as_str()), ("very happy", "happy"));
        for wrong in ["happy", "=happy", "happy=", "a=b=c", "a=a"] {
            assert!(wrong.parse::<Merge>().unwrap_err().to_string().contains("happy=positive"), "{wrong}");
        }
    }
}
