//! An audit of a data set before training: its contents, and the defects that would mislead.
//!
//! Every image is examined once (`examine`), equal images are grouped (`duplicates`), near-duplicates are paired (`near`),
//! groups that splits cut through are found (`group_leaks`), the findings are counted and named (`findings`), and the
//! samples to leave out are listed (`exclude_list`). Splits, hashes and pixel statistics are computed as training computes
//! them, so that both agree. Broken files are findings here, not errors.

mod duplicates;
mod examine;
mod exclude_list;
mod features;
mod findings;
mod group_leaks;
mod near;
mod per_split;

use std::{collections::HashMap, path::Path, sync::Arc};

use anyhow::{Context, Result};
use serde::{Serialize, Serializer};

use super::{
    decoding::{
        hash,
        pixel_statistics::PixelSums,
        resize,
        shape::{Asked, Shape},
        sixteen_bit::{Range, SixteenBitValues},
    },
    list_splits::listed,
    options::Options,
    read_progress::ReadProgress,
    sources::{
        exclude,
        listing::{self, Samples},
        source::{Source, line_key},
        unreadable::BadFile,
    },
    streaming::gallery,
};
use examine::{ExaminedImage, ExaminedSplit, examine};
use findings::Names;
use near::Near;

pub use super::splits::split_name::SplitName;
pub use exclude_list::ToExclude;
pub use features::Features;
pub use findings::{Broken, Findings, Item, Leak, NearLeaks, NearPair};
pub use group_leaks::{CutGroup, GroupLeaks};
pub use per_split::PerSplit;

/// The result of an audit. `mindgap inspect --json` prints it in this form.
#[derive(Clone, Serialize)]
pub struct Audit {
    /// The data source as the caller named it.
    pub source: String,
    /// Seed that draws the val split where the source has none.
    pub data_seed: u64,
    /// Whether val was drawn from train.
    pub is_val_drawn: bool,
    /// Class names.
    pub classes: Vec<String>,
    /// Number of readable images.
    pub images: PerSplit<usize>,
    /// Number of readable images of each class.
    pub counts: PerSplit<Counts>,
    /// Size of the largest class divided by that of the smallest; none where a class has no image.
    pub balance: PerSplit<Option<f64>>,
    /// Image sizes over all splits, the most frequent first.
    pub sizes: Vec<SizeCount>,
    /// Number of different image sizes.
    pub distinct_sizes: usize,
    /// Number of grey and of colour images over all splits.
    pub channels: Channels,
    /// Number of images with 16 bits a channel, over all splits.
    pub sixteen_bit: u64,
    /// The 16-bit values that training maps to 0 and 255, from the images of train and val; null without 16-bit images.
    pub range_16bit: Option<[u16; 2]>,
    /// Mean of train's pixels per channel after resizing as in training, values scaled to 0..1.
    pub mean: Vec<f32>,
    /// Standard deviation of train's pixels per channel, computed from the pixels of `mean`.
    pub std: Vec<f32>,
    /// Fingerprint of the readable images, equal to the one of training.
    pub fingerprint: String,
    /// Defects found.
    #[serde(flatten)]
    pub findings: Findings,
    /// Groups that the splits cut through; absent where the images have no groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_leaks: Option<GroupLeaks>,
    /// Samples to leave out of training; in JSON the number of samples for each reason.
    pub to_exclude: ToExclude,
    /// Notes for the user on how the source was read, one sentence each.
    pub notes: Vec<String>,
    #[serde(skip)]
    sources: PerSplit<Arc<Source>>,
}

/// Number of images of each class, in the order of the labels; an object in JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts(pub Vec<(String, usize)>);

impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(class, count)| (class, count)))
    }
}

/// Number of images of one size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct SizeCount {
    pub width: u32,
    pub height: u32,
    pub count: usize,
}

/// Number of grey images (one channel, or three that are equal in every pixel) and of colour images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct Channels {
    pub grey: usize,
    pub colour: usize,
}

impl Audit {
    /// Audits every image of `source`, listed as `options` say, and names at most `limit` examples of each finding, 0 for
    /// all. `features` add candidates for near-duplicates. The options of shape, fraction and unreadable files have no effect.
    ///
    /// # Errors
    /// The source is missing, empty or wrongly laid out; a list to exclude names what is not there.
    pub fn of(
        source: &str,
        options: &Options,
        features: Option<&Features>,
        limit: usize,
        progress: &dyn ReadProgress,
    ) -> Result<Self> {
        let options = Options { skip_bad: true, train_fraction: 1.0, ..options.clone() };
        let listing = listed(source, &options)?;
        let is_val_drawn = listing.is_val_drawn();
        let shape = Shape::choose(Asked::default(), &listing.train, progress);
        let (classes, bad_rows, mut notes) = (listing.classes, listing.bad, listing.notes);
        let group_names = listing.groups;
        let splits =
            PerSplit { train: listing.train, val: listing.val.context("val holds no image")?, test: listing.test };
        let Examination { splits, examined, range, sixteen_bit, notes: range_notes } =
            examine_all(splits, shape, options.range_16bit, progress);
        notes.extend(range_notes);

        let sources = splits.map(|_, samples| Arc::clone(&samples.source));
        let names = Names { classes: &classes, sources: &sources, root: Path::new(source) };
        let (images, broken) = images_and_broken(examined, bad_rows, &names);
        let of_split = |split| images.iter().filter(move |image| image.split == split);

        let counts = splits.map(|split, _| {
            let labels: Vec<u32> = of_split(split).map(|image| image.label).collect();
            Counts(classes.iter().cloned().zip(listing::count(&labels, classes.len())).collect())
        });
        let mut train_sums = PixelSums::default();
        of_split(SplitName::Train).for_each(|image| train_sums.add(&image.properties.sums));
        let (mean, std) = train_sums.mean_and_std(shape.channels);
        let sizes = sizes(&images);
        let grey = images.iter().filter(|image| image.properties.is_grey).count();

        let groups = duplicates::groups(&images);
        let broken_keys = broken.iter().map(|file| file.name.clone()).collect();
        let key = |number: u32| names.name(images[number as usize].split, images[number as usize].id);
        let near = Near::among(&images, features, progress);
        notes.extend(near.note());
        let to_exclude = ToExclude::of(&images, &groups, &near, is_val_drawn, broken_keys, key);
        let images_by_split = splits.each().map(|(split, _)| {
            let labels_and_hashes: Vec<_> = of_split(split).map(|image| (image.label, image.properties.hash)).collect();
            (split, labels_and_hashes.into_iter())
        });
        let mut fingerprint = hash::fingerprint(&classes, images_by_split);
        if !group_names.is_empty() {
            fingerprint = hash::with_groups(&fingerprint, images.iter().filter_map(|image| image.group));
        }
        Ok(Self {
            source: source.to_owned(),
            data_seed: options.data_seed,
            is_val_drawn,
            images: splits.map(|split, _| of_split(split).count()),
            balance: counts.map(|_, counts| counts.balance()),
            counts,
            distinct_sizes: sizes.len(),
            sizes,
            channels: Channels { grey, colour: images.len() - grey },
            mean,
            std,
            fingerprint,
            findings: Findings::of(
                &images,
                &groups,
                &near,
                broken,
                &names,
                if limit == 0 { usize::MAX } else { limit },
            ),
            group_leaks: GroupLeaks::of(&images, &group_names, &names),
            to_exclude,
            range_16bit: range.map(Range::numbers),
            sixteen_bit,
            notes,
            classes,
            sources,
        })
    }

    /// Shortens the audit to at most `limit` examples of each kind of finding, 0 for all, and at most `sizes` sizes.
    pub fn limited(self, limit: usize, sizes: usize) -> Self {
        let limit = if limit == 0 { usize::MAX } else { limit };
        let mut audit = Self { findings: self.findings.limited(limit), ..self };
        audit.sizes.truncate(sizes);
        audit
    }

    /// Encodes the image `item` as a PNG file with a longer side of at most `side` pixels.
    ///
    /// # Errors
    /// The image can no longer be read.
    pub fn thumbnail(&self, item: &Item, side: u32) -> Result<Vec<u8>> {
        let source = self.sources.get(item.split).with_context(|| format!("there is no {} split", item.split))?;
        gallery::png(&resize::shrink(source.stored(item.id)?.image, side)?)
    }
}

/// All splits after their examination, with 16-bit values scaled by one range.
struct Examination {
    splits: PerSplit<Samples>,
    examined: Vec<ExaminedSplit>,
    range: Option<Range>,
    /// Number of 16-bit images.
    sixteen_bit: u64,
    /// Notes on the 16-bit images.
    notes: Vec<String>,
}

/// Examines every image. Images are read a second time where the range of 16-bit values turns out to be smaller than the
/// full one.
fn examine_all(
    splits: PerSplit<Samples>,
    shape: Shape,
    given: Option<[u16; 2]>,
    progress: &dyn ReadProgress,
) -> Examination {
    let given = given.map(Range::of);
    let mut splits = splits.map(|_, samples| samples.in_range(given.unwrap_or(Range::FULL)));
    let mut examined = examine_splits(&splits, shape, progress);
    let (mut values, mut in_test) = (SixteenBitValues::default(), SixteenBitValues::default());
    for split in &examined {
        if split.split == SplitName::Test { &mut in_test } else { &mut values }.add(&split.sixteen_bit);
    }
    if values.images == 0 {
        // Only test has 16-bit images: they decide.
        values = std::mem::take(&mut in_test);
    }
    let range = given.filter(|_| values.images > 0).or(values.range());
    let mut notes = Vec::new();
    if let Some(range) = range {
        notes.push(values.note(range));
        notes.extend(in_test.note_of_test(range));
        if range != splits.train.source.range() {
            splits = splits.map(|_, samples| samples.in_range(range));
            examined = examine_splits(&splits, shape, progress);
        }
    }
    Examination { splits, examined, range, sixteen_bit: values.images + in_test.images, notes }
}

fn examine_splits(splits: &PerSplit<Samples>, shape: Shape, progress: &dyn ReadProgress) -> Vec<ExaminedSplit> {
    splits.each().map(|(split, samples)| examine(split, samples, shape, progress)).collect()
}

/// Merges the splits: the readable images, and everything that cannot be read, `bad_rows` of a table first.
fn images_and_broken(
    examined: Vec<ExaminedSplit>,
    bad_rows: Vec<BadFile>,
    names: &Names,
) -> (Vec<ExaminedImage>, Vec<Broken>) {
    let mut images = Vec::new();
    let mut broken = Vec::new();
    for BadFile { name, reason, line } in bad_rows {
        let name = line.map_or(name, |line| exclude::escape(&line_key(line)));
        broken.push(Broken { name, split: None, reason });
    }
    for ExaminedSplit { split, readable, unreadable, .. } in examined {
        images.extend(readable);
        for (id, reason) in unreadable {
            broken.push(Broken { name: names.name(split, id), split: Some(split), reason });
        }
    }
    (images, broken)
}

impl Counts {
    /// Number of images of `class`; 0 for a class that the data do not have.
    pub fn of(&self, class: &str) -> usize {
        self.0.iter().find(|(name, _)| name == class).map_or(0, |(_, count)| *count)
    }

    fn balance(&self) -> Option<f64> {
        let counts = || self.0.iter().map(|&(_, count)| count);
        let (largest, smallest) = (counts().max()?, counts().min()?);
        (smallest > 0).then(|| largest as f64 / smallest as f64)
    }
}

/// Counts the image sizes, the most frequent first.
fn sizes(images: &[ExaminedImage]) -> Vec<SizeCount> {
    let mut counts: HashMap<(u32, u32), usize> = HashMap::new();
    images.iter().for_each(|image| *counts.entry(image.properties.size).or_default() += 1);
    let mut sizes: Vec<SizeCount> =
        counts.into_iter().map(|((width, height), count)| SizeCount { width, height, count }).collect();
    sizes.sort_unstable_by_key(|size| (std::cmp::Reverse(size.count), size.width, size.height));
    sizes
}
