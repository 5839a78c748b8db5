//! The defects of a data set: all are counted, and examples are named.

use std::{path::Path, sync::Arc};

use serde::Serialize;

use super::{
    PerSplit, SplitName,
    duplicates::{self, within},
    examine::ExaminedImage,
    near::Near,
};
use crate::data::{
    near_duplicates,
    sources::{exclude, source::Source},
};

/// Defects of a data set. Images are *equal* when they decode to the same pixels, whatever their files.
#[derive(Clone, Debug, Serialize)]
pub struct Findings {
    /// Number of images beyond the first of each group of equal images within a split.
    pub surplus_duplicates: PerSplit<usize>,
    /// Number of val images that also appear in train.
    pub val_in_train: usize,
    /// Number of test images that also appear in train; none without a test split.
    pub test_in_train: Option<usize>,
    /// Number of groups of equal images in train that carry two labels or more.
    pub conflicting_groups: usize,
    /// Number of images whose pixels have a standard deviation below 1 (of 255) in every channel, over all splits.
    pub blank: usize,
    /// Number of near-duplicate pairs over all splits. Of equal images only the first is compared.
    pub near_duplicates: usize,
    /// Number of near-duplicate pairs across two splits.
    pub near_duplicates_across_splits: usize,
    /// Largest residual of a near-duplicate pair.
    pub near_duplicate_residual: f32,
    /// Number of near leaks: images with a near-duplicate, but no equal image, in train.
    pub near_leaks: NearLeaks,
    /// Number of images that the EXIF orientation turned or mirrored. Programs that ignore it see them rotated.
    pub exif_rotated: usize,
    /// Number of groups of equal images over all splits.
    pub duplicate_groups: usize,
    /// All files and rows that cannot be read.
    pub broken: Vec<Broken>,
    /// Examples of groups of equal images.
    pub exact_groups: Vec<Vec<Item>>,
    /// Examples of val and test images that also appear in train.
    pub leaks: Vec<Leak>,
    /// Examples of groups of equal images in train that carry two labels or more.
    pub conflicts: Vec<Vec<Item>>,
    /// Examples of blank images.
    pub blanks: Vec<Item>,
    /// Near-duplicate pairs, first those across two splits, then by residual.
    pub near_duplicate_pairs: Vec<NearPair>,
    /// Examples of images that the EXIF orientation turned or mirrored.
    pub exif_rotated_files: Vec<Item>,
    /// Names of the lists above that hold fewer examples than were counted.
    pub cut: Vec<&'static str>,
}

/// An image in a list of findings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Item {
    /// Name of the image in a list of samples to exclude.
    pub name: String,
    /// The split that holds the image.
    pub split: SplitName,
    /// Class name.
    pub class: String,
    /// Sample id.
    #[serde(skip)]
    pub id: u32,
}

/// An image of val or test that also appears in train.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Leak {
    /// The image.
    #[serde(flatten)]
    pub image: Item,
    /// The equal images in train.
    pub in_train: Vec<Item>,
}

/// Number of near leaks of each split that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct NearLeaks {
    pub val: usize,
    /// None without a test split.
    pub test: Option<usize>,
}

impl NearLeaks {
    /// Number over both splits.
    pub fn count(&self) -> usize {
        self.val + self.test.unwrap_or(0)
    }
}

/// A pair of near-duplicates.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NearPair {
    /// Name of the first image.
    pub a: String,
    /// Name of the second image.
    pub b: String,
    /// Share of the variance of the images' detail that registering one to the other leaves unexplained, 0 to 1.
    pub residual: f32,
    /// The splits of the two images.
    pub splits: [SplitName; 2],
    /// Class names of the two images.
    pub labels: [String; 2],
    /// The two images.
    #[serde(skip)]
    pub images: [Item; 2],
}

/// A file or a row that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// Name of the file or row in a list of samples to exclude.
    pub name: String,
    /// The split that holds the file; unknown for rows of a table.
    pub split: Option<SplitName>,
    /// Why it cannot be read.
    pub reason: String,
}

/// Names of samples and classes.
pub(super) struct Names<'a> {
    pub classes: &'a [String],
    pub sources: &'a PerSplit<Arc<Source>>,
    /// The folder of the data.
    pub root: &'a Path,
}

impl Names<'_> {
    /// Name of sample `id` in a list of samples to exclude.
    pub fn name(&self, split: SplitName, id: u32) -> String {
        self.sources.get(split).map_or(String::new(), |source| exclude::escape(&source.key(id, self.root)))
    }

    /// The entry of `image` in a list of findings.
    pub fn item(&self, image: &ExaminedImage) -> Item {
        let ExaminedImage { split, id, label, .. } = *image;
        Item { name: self.name(split, id), split, class: self.classes[label as usize].clone(), id }
    }
}

impl Findings {
    /// Collects the defects of `images`, whose groups of equal images are `groups` and whose near-duplicates are `near`, and
    /// names at most `limit` examples of each kind.
    pub(super) fn of(
        images: &[ExaminedImage],
        groups: &[Vec<u32>],
        near: &Near,
        broken: Vec<Broken>,
        names: &Names,
        limit: usize,
    ) -> Self {
        let conflicts = conflicts(images, groups);
        let val_leaks = leaks(images, groups, SplitName::Val);
        let test_leaks = leaks(images, groups, SplitName::Test);
        let blank: Vec<&ExaminedImage> = images.iter().filter(|image| image.properties.is_blank).collect();
        let turned: Vec<&ExaminedImage> = images.iter().filter(|image| image.properties.is_turned).collect();
        let split = |number: u32| images[number as usize].split;
        let across = near.pairs.iter().filter(|pair| split(pair.a) != split(pair.b));

        let item = |number: u32| names.item(&images[number as usize]);
        let items = |numbers: &[u32]| numbers.iter().map(|&number| item(number)).collect::<Vec<_>>();
        let named = |images: &[&ExaminedImage]| images.iter().take(limit).map(|image| names.item(image)).collect();
        let found = Self {
            surplus_duplicates: names
                .sources
                .map(|split, _| groups.iter().map(|group| within(group, images, split).len().saturating_sub(1)).sum()),
            val_in_train: val_leaks.len(),
            test_in_train: names.sources.test.as_ref().map(|_| test_leaks.len()),
            conflicting_groups: conflicts.len(),
            blank: blank.len(),
            near_duplicates: near.pairs.len(),
            near_duplicates_across_splits: across.count(),
            near_duplicate_residual: near_duplicates::RESIDUAL,
            near_leaks: NearLeaks {
                val: near.leaks_of(images, SplitName::Val),
                test: names.sources.test.as_ref().map(|_| near.leaks_of(images, SplitName::Test)),
            },
            exif_rotated: turned.len(),
            duplicate_groups: groups.len(),
            broken,
            exact_groups: groups.iter().take(limit).map(|group| items(group)).collect(),
            leaks: val_leaks
                .iter()
                .chain(&test_leaks)
                .take(limit)
                .map(|(image, in_train)| Leak { image: item(*image), in_train: items(in_train) })
                .collect(),
            conflicts: conflicts.iter().take(limit).map(|members| items(members)).collect(),
            blanks: named(&blank),
            near_duplicate_pairs: near
                .pairs
                .iter()
                .take(limit)
                .map(|pair| NearPair::new(pair.residual, [item(pair.a), item(pair.b)]))
                .collect(),
            exif_rotated_files: named(&turned),
            cut: Vec::new(),
        };
        found.limited(limit)
    }

    /// The names of the images of each near-duplicate pair that is listed.
    pub fn near_duplicate_names(&self) -> Vec<(String, String)> {
        self.near_duplicate_pairs.iter().map(|pair| (pair.a.clone(), pair.b.clone())).collect()
    }

    /// Shortens the lists of examples to `limit` entries each; broken files are all named.
    pub(super) fn limited(mut self, limit: usize) -> Self {
        let leaks = self.val_in_train + self.test_in_train.unwrap_or(0);
        let cut = [
            shortened("exact_groups", &mut self.exact_groups, limit, self.duplicate_groups),
            shortened("leaks", &mut self.leaks, limit, leaks),
            shortened("conflicts", &mut self.conflicts, limit, self.conflicting_groups),
            shortened("blanks", &mut self.blanks, limit, self.blank),
            shortened("near_duplicate_pairs", &mut self.near_duplicate_pairs, limit, self.near_duplicates),
            shortened("exif_rotated_files", &mut self.exif_rotated_files, limit, self.exif_rotated),
        ];
        self.cut = cut.into_iter().flatten().collect();
        self
    }
}

/// Shortens `examples` to `limit` entries, and returns their `name` where there are fewer then than were counted.
fn shortened<T>(name: &'static str, examples: &mut Vec<T>, limit: usize, count: usize) -> Option<&'static str> {
    examples.truncate(limit);
    (examples.len() < count).then_some(name)
}

impl NearPair {
    fn new(residual: f32, images: [Item; 2]) -> Self {
        let [a, b] = images.each_ref();
        Self {
            a: a.name.clone(),
            b: b.name.clone(),
            residual,
            splits: [a.split, b.split],
            labels: [a.class.clone(), b.class.clone()],
            images,
        }
    }
}

/// Groups of equal training images that carry two labels or more.
fn conflicts(images: &[ExaminedImage], groups: &[Vec<u32>]) -> Vec<Vec<u32>> {
    let in_train = groups.iter().map(|group| within(group, images, SplitName::Train));
    in_train.filter(|members| duplicates::disagree(images, members)).collect()
}

/// The images of `split` that also appear in train, each with its equal images in train.
fn leaks(images: &[ExaminedImage], groups: &[Vec<u32>], split: SplitName) -> Vec<(u32, Vec<u32>)> {
    let mut leaks = Vec::new();
    for group in groups {
        let in_train = within(group, images, SplitName::Train);
        if !in_train.is_empty() {
            leaks.extend(within(group, images, split).into_iter().map(|number| (number, in_train.clone())));
        }
    }
    leaks
}
