//! Groups, such as patients, that the splits cut through: what is measured on val is then no measure for new groups.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Item, PerSplit, SplitName, examine::ExaminedImage, findings::Names};

/// Images of each split that are named as examples of a group.
const EXAMPLES: usize = 4;

/// What is found of the groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GroupLeaks {
    /// Number of groups of readable images.
    pub groups: usize,
    /// Number of val images whose group also has images in train.
    pub val: usize,
    /// Number of test images whose group also has images in train; none without a test split.
    pub test: Option<usize>,
    /// The groups in train that val or test also have, by name.
    pub cut: Vec<CutGroup>,
}

/// A group of train that also has images in val or test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CutGroup {
    /// Its name.
    pub group: String,
    /// Number of its images in each split.
    pub images: PerSplit<usize>,
    /// Some of its images, those of val and test first.
    #[serde(skip)]
    pub examples: Vec<Item>,
}

impl GroupLeaks {
    /// Counts the groups of `images` that the splits cut through; None where the images have no groups.
    pub(super) fn of(images: &[ExaminedImage], groups: &[String], names: &Names) -> Option<Self> {
        let mut members: BTreeMap<u32, Vec<&ExaminedImage>> = BTreeMap::new();
        for image in images {
            members.entry(image.group?).or_default().push(image);
        }
        let mut found =
            Self { groups: members.len(), val: 0, test: names.sources.test.as_ref().map(|_| 0), cut: Vec::new() };
        for (group, members) in members {
            let of = |split| members.iter().filter(move |image| image.split == split);
            let images = names.sources.map(|split, _| of(split).count());
            if images.train == 0 || images.val + images.test.unwrap_or(0) == 0 {
                continue;
            }
            found.val += images.val;
            found.test = found.test.map(|test| test + images.test.unwrap_or(0));
            let mut examples = Vec::new();
            for split in [SplitName::Val, SplitName::Test, SplitName::Train] {
                examples.extend(of(split).take(EXAMPLES).map(|image| names.item(image)));
            }
            found.cut.push(CutGroup { group: groups[group as usize].clone(), images, examples });
        }
        Some(found)
    }
}
