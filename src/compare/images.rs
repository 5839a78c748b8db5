//! The images of a model's predictions, and those that several models have in common.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

/// How images of several runs are recognised as the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PairedBy {
    /// By sample id: all runs have data with one fingerprint.
    SampleId,
    /// By name.
    Name,
}

impl PairedBy {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::SampleId => "sample id",
            Self::Name => "name",
        }
    }
}

/// The val images of a run, in the order of its losses.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ValImages {
    /// Fingerprint of the data; None for predictions of which no data are known.
    pub fingerprint: Option<String>,
    /// Sample ids \[n\].
    pub ids: Vec<i64>,
    /// Names \[n\]; None for run folders of earlier versions.
    pub names: Option<Vec<String>>,
    /// Classes \[n\].
    pub labels: Vec<i64>,
    /// The names of the classes.
    pub classes: Vec<String>,
    /// The groups of the images \[n\], such as patients, where they have groups.
    pub groups: Option<Vec<String>>,
    /// The fold that each image is val of \[n\], where these are the images of all folds of a cross-validation.
    pub folds: Option<Vec<u32>>,
    /// Whether each image also appears in train \[n\]; None where it is not known which do.
    pub leaks: Option<Vec<bool>>,
    /// Whether each image has a near-duplicate, but no equal image, in train \[n\]; None where that is not known.
    pub near_leaks: Option<Vec<bool>>,
}

impl ValImages {
    /// The image's key under `by`.
    pub(super) fn key(&self, by: PairedBy, image: usize) -> String {
        match (by, &self.names) {
            (PairedBy::Name, Some(names)) => names[image].clone(),
            _ => self.ids[image].to_string(),
        }
    }

    /// The keys of all images.
    pub(super) fn keys(&self, by: PairedBy) -> Vec<String> {
        (0..self.ids.len()).map(|image| self.key(by, image)).collect()
    }

    /// Names image number `image` in a message, without characters that would move a terminal's cursor.
    pub(super) fn shown(&self, image: usize) -> String {
        match &self.names {
            None => format!("sample {}", self.ids[image]),
            Some(names) => names[image].chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect(),
        }
    }

    /// The name of an image's class; the number where classes have no names of their own.
    pub(super) fn class(&self, image: usize) -> &str {
        // Damaged files may hold a label without a class.
        self.classes.get(self.labels[image] as usize).map_or("?", String::as_str)
    }

    /// Whether an image of a name that both have has another sample id here than in `other`: files that are not in use were added or
    /// removed between the runs. False where either has no names.
    pub(super) fn is_renumbered(&self, other: &Self) -> bool {
        let (Some(here), Some(there)) = (&self.names, &other.names) else { return false };
        let ids: HashMap<&String, i64> = there.iter().zip(other.ids.iter().copied()).collect();
        here.iter().zip(&self.ids).any(|(name, id)| ids.get(name).is_some_and(|other| other != id))
    }

    /// Whether the classes of these images and of `other` must be matched by number: one side calls them by their numbers,
    /// the other by names.
    pub(super) fn is_known_by_number(&self, other: &Self) -> bool {
        self.is_unnamed() != other.is_unnamed() && self.classes.iter().any(|class| !other.classes.contains(class))
    }

    /// Whether the classes are called by their numbers: they have no names.
    fn is_unnamed(&self) -> bool {
        self.classes.iter().enumerate().all(|(number, class)| *class == number.to_string())
    }

    /// The number of groups to which the images belong, where they have groups.
    pub(super) fn group_count(&self) -> Option<usize> {
        self.groups.as_ref().map(|groups| groups.iter().collect::<HashSet<_>>().len())
    }

    /// Keeps the images for which `keep` holds.
    pub fn only(&self, keep: &[bool]) -> Self {
        let places: Vec<usize> = (0..keep.len()).filter(|&image| keep[image]).collect();
        self.at(&places)
    }

    /// The images at `places`, in that order.
    pub(super) fn at(&self, places: &[usize]) -> Self {
        fn at<T: Clone>(values: &[T], places: &[usize]) -> Vec<T> {
            places.iter().map(|&place| values[place].clone()).collect()
        }
        Self {
            fingerprint: self.fingerprint.clone(),
            ids: at(&self.ids, places),
            names: self.names.as_ref().map(|names| at(names, places)),
            labels: at(&self.labels, places),
            classes: self.classes.clone(),
            groups: self.groups.as_ref().map(|groups| at(groups, places)),
            folds: self.folds.as_ref().map(|folds| at(folds, places)),
            leaks: self.leaks.as_ref().map(|leaks| at(leaks, places)),
            near_leaks: self.near_leaks.as_ref().map(|leaks| at(leaks, places)),
        }
    }
}

/// The values of the images for which `keep` holds.
pub(super) fn kept<T: Clone>(values: &[T], keep: &[bool]) -> Vec<T> {
    values.iter().zip(keep).filter(|&(_, &keep)| keep).map(|(value, _)| value.clone()).collect()
}

/// The images that all runs have.
#[derive(Clone, Debug, PartialEq)]
pub struct CommonImages {
    pub(super) by: PairedBy,
    pub(super) keys: HashSet<String>,
}

impl CommonImages {
    /// How many different images `all` have besides the common ones.
    pub fn others<'a>(&self, all: impl Iterator<Item = &'a ValImages>) -> usize {
        let mut others = HashSet::new();
        for images in all {
            others.extend(images.keys(self.by).into_iter().filter(|key| !self.keys.contains(key)));
        }
        others.len()
    }

    /// Which of `images` are common.
    pub fn of(&self, images: &ValImages) -> Vec<bool> {
        (0..images.ids.len()).map(|image| self.keys.contains(&images.key(self.by, image))).collect()
    }
}
