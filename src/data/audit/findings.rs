//! What is odd about a data set: all of it counted, and some of it named.

use std::{collections::HashSet, path::Path, sync::Arc};

use serde::Serialize;

use super::{
    PerSplit, SplitName,
    duplicates::{self, DuplicateGroup},
    examine::ExaminedImage,
    near_duplicates::{self, near},
};
use crate::data::sources::{exclude, source::Source};

/// The findings. Images are *equal* when they decode to the same pixels, whatever their files.
#[derive(Clone, Debug, Serialize)]
pub struct Findings {
    /// Images beyond the first of each group of equal ones within a split.
    pub surplus_duplicates: PerSplit<usize>,
    /// Val images that also appear in train.
    pub val_in_train: usize,
    /// Test images that also appear in train; none without a test split.
    pub test_in_train: Option<usize>,
    /// Groups of equal images in train that carry two labels or more.
    pub conflicting_groups: usize,
    /// Images whose pixels have a standard deviation below 1 (of 255) in every channel, over all splits.
    pub blank: usize,
    /// Pairs of images that look alike and are not equal, over all splits; of equal images the first counts for all.
    pub near_duplicates: usize,
    /// Those of them that stand in two splits: leaks that no comparison of pixels finds.
    pub near_duplicates_across_splits: usize,
    /// Bits of 64 in which the perceptual hashes of such a pair differ at most.
    pub near_duplicate_distance: u32,
    /// Images that the EXIF orientation turned or mirrored: programs that do not heed it see them lying on their sides.
    pub exif_rotated: usize,
    /// Groups of equal images, over all splits.
    pub duplicate_groups: usize,
    /// Files and rows that cannot be read, all of them.
    pub broken: Vec<Broken>,
    /// Groups of equal images.
    pub exact_groups: Vec<Vec<Item>>,
    /// Val and test images that also appear in train.
    pub leaks: Vec<Leak>,
    /// Groups of equal images in train that carry two labels or more.
    pub conflicts: Vec<Vec<Item>>,
    /// Blank images.
    pub blanks: Vec<Item>,
    /// Pairs that look alike, the closest first.
    pub near_duplicate_pairs: Vec<NearPair>,
    /// Images that the EXIF orientation turned or mirrored.
    pub exif_rotated_files: Vec<Item>,
    /// The lists above that do not name all that were counted.
    pub cut: Vec<&'static str>,
}

/// An image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Item {
    /// As a list of samples names it (`--exclude`).
    pub name: String,
    /// Where it stands.
    pub split: SplitName,
    /// Its class.
    pub class: String,
    /// Its sample id.
    #[serde(skip)]
    pub id: u32,
}

/// An image of val or test that also stands in train.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Leak {
    /// The image.
    #[serde(flatten)]
    pub image: Item,
    /// Its equals in train.
    pub in_train: Vec<Item>,
}

/// Two images that look alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NearPair {
    /// The name of one.
    pub a: String,
    /// The name of the other.
    pub b: String,
    /// Bits in which their perceptual hashes differ.
    pub distance: u32,
    /// Where they stand.
    pub splits: [SplitName; 2],
    /// Their classes.
    pub labels: [String; 2],
    /// The two.
    #[serde(skip)]
    pub images: [Item; 2],
}

/// A file or a row that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// As a list of samples names it (`--exclude`).
    pub name: String,
    /// Where it stands; unknown for rows of a table.
    pub split: Option<SplitName>,
    /// What is wrong with it.
    pub reason: String,
}

/// What samples and classes are called.
pub(super) struct Names<'a> {
    pub classes: &'a [String],
    pub sources: &'a PerSplit<Arc<Source>>,
    /// The folder of the data.
    pub root: &'a Path,
}

impl Names<'_> {
    /// Sample `id` as a list of samples names it.
    pub fn name(&self, split: SplitName, id: u32) -> String {
        self.sources.get(split).map_or(String::new(), |source| exclude::escape(&source.key(id, self.root)))
    }

    /// `image` for a list.
    pub fn item(&self, image: &ExaminedImage) -> Item {
        let ExaminedImage { split, id, label, .. } = *image;
        Item { name: self.name(split, id), split, class: self.classes[label as usize].clone(), id }
    }
}

impl Findings {
    /// What is odd about `images`, whose groups of equal ones are `groups`; at most `limit` of each kind are named.
    pub(super) fn of(
        images: &[ExaminedImage],
        groups: &[DuplicateGroup],
        broken: Vec<Broken>,
        names: &Names,
        limit: usize,
    ) -> Self {
        let item = |number: u32| names.item(&images[number as usize]);
        let items = |numbers: &[u32]| numbers.iter().map(|&number| item(number)).collect::<Vec<_>>();
        let in_train = |group: &DuplicateGroup| group.within(images, SplitName::Train);
        let leaking = |split| {
            let of_group = move |group: &DuplicateGroup| {
                let train = group.within(images, SplitName::Train);
                let others = group.within(images, split).into_iter().filter(|_| !train.is_empty());
                others.map(|number| (number, train.clone())).collect::<Vec<_>>()
            };
            groups.iter().flat_map(of_group).collect::<Vec<_>>()
        };
        let chosen = |is: fn(&ExaminedImage) -> bool| {
            let numbers = (0..).zip(images).filter(|(_, image)| is(image));
            numbers.map(|(number, _)| number).collect::<Vec<u32>>()
        };
        let conflicts: Vec<Vec<u32>> =
            groups.iter().map(in_train).filter(|members| duplicates::disagree(images, members)).collect();
        let (of_val, of_test) = (leaking(SplitName::Val), leaking(SplitName::Test));
        let (blank, turned) = (chosen(|image| image.properties.is_blank), chosen(|image| image.properties.is_turned));
        let distinct = distinct(images);
        let alike = near(&distinct, limit);
        let within_splits = names.sources.each().map(|(split, _)| {
            let here: Vec<_> = distinct.iter().copied().filter(|(i, _)| images[*i as usize].split == split).collect();
            near(&here, 0).count
        });
        let across_splits = alike.count - within_splits.sum::<usize>();

        let found = Self {
            surplus_duplicates: names
                .sources
                .map(|split, _| groups.iter().map(|group| group.within(images, split).len().saturating_sub(1)).sum()),
            val_in_train: of_val.len(),
            test_in_train: names.sources.test.as_ref().map(|_| of_test.len()),
            conflicting_groups: conflicts.len(),
            blank: blank.len(),
            near_duplicates: alike.count,
            near_duplicates_across_splits: across_splits,
            near_duplicate_distance: near_duplicates::DISTANCE,
            exif_rotated: turned.len(),
            duplicate_groups: groups.len(),
            broken,
            exact_groups: groups.iter().take(limit).map(|group| items(group.all())).collect(),
            leaks: of_val
                .iter()
                .chain(&of_test)
                .take(limit)
                .map(|(image, train)| Leak { image: item(*image), in_train: items(train) })
                .collect(),
            conflicts: conflicts.iter().take(limit).map(|members| items(members)).collect(),
            blanks: blank.into_iter().take(limit).map(item).collect(),
            near_duplicate_pairs: alike
                .pairs
                .iter()
                .map(|pair| NearPair::new(pair.distance, [item(pair.a), item(pair.b)]))
                .collect(),
            exif_rotated_files: turned.into_iter().take(limit).map(item).collect(),
            cut: Vec::new(),
        };
        found.limited(limit)
    }

    /// The findings with at most `limit` of each kind named; broken files are named all.
    pub(super) fn limited(mut self, limit: usize) -> Self {
        let leaks = self.val_in_train + self.test_in_train.unwrap_or(0);
        let counts = [
            self.duplicate_groups,
            leaks,
            self.conflicting_groups,
            self.blank,
            self.near_duplicates,
            self.exif_rotated,
        ];
        self.exact_groups.truncate(limit);
        self.leaks.truncate(limit);
        self.conflicts.truncate(limit);
        self.blanks.truncate(limit);
        self.near_duplicate_pairs.truncate(limit);
        self.exif_rotated_files.truncate(limit);
        let lists = [
            ("exact_groups", self.exact_groups.len()),
            ("leaks", self.leaks.len()),
            ("conflicts", self.conflicts.len()),
            ("blanks", self.blanks.len()),
            ("near_duplicate_pairs", self.near_duplicate_pairs.len()),
            ("exif_rotated_files", self.exif_rotated_files.len()),
        ];
        let is_cut = lists.into_iter().zip(counts).filter(|((_, named), count)| named < count);
        self.cut = is_cut.map(|((list, _), _)| list).collect();
        self
    }
}

impl NearPair {
    fn new(distance: u32, images: [Item; 2]) -> Self {
        let [a, b] = images.each_ref();
        Self {
            a: a.name.clone(),
            b: b.name.clone(),
            distance,
            splits: [a.split, b.split],
            labels: [a.class.clone(), b.class.clone()],
            images,
        }
    }
}

/// The numbers and perceptual hashes of the images, of equal ones the first alone, and without the blank ones.
fn distinct(images: &[ExaminedImage]) -> Vec<(u32, u64)> {
    let mut known = HashSet::new();
    let first = (0..).zip(images).filter(|(_, image)| known.insert(image.properties.hash));
    first.filter_map(|(number, image)| Some((number, image.properties.perceptual_hash?))).collect()
}
