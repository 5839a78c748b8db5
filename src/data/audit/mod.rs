//! An audit of a data set before training: what it holds, and what in it will mislead.
//!
//! The way: every image is looked at once (`examine`), equal ones are grouped (`duplicates`), perceptual hashes
//! (`perceptual_hash`) are paired (`near`), the findings are counted and named (`findings`), and what should be left out is
//! listed (`to_exclude`). Splits, hashes and sums are those that training would see, so that both count the same.
//! Broken files are findings here, not errors.

mod duplicates;
mod examine;
mod exclude_list;
mod findings;
mod near_duplicates;
mod per_split;
mod perceptual_hash;

use std::{collections::HashMap, path::Path, sync::Arc};

use anyhow::{Context, Result};
use serde::{Serialize, Serializer};

use super::{
    dataset::listed,
    decoding::{
        hash,
        pixel_statistics::PixelSums,
        resize,
        shape::{Asked, Shape},
        sixteen_bit::{Range, SixteenBitValues},
    },
    options::Options,
    read_progress::ReadProgress,
    sources::{
        exclude,
        listing::{self, Samples},
        source::{Source, line_key},
    },
    streaming::gallery,
};
use examine::{ExaminedImage, examine};
use findings::Names;

pub use super::splits::split_name::SplitName;
pub use exclude_list::ToExclude;
pub use findings::{Broken, Findings, Item, Leak, NearPair};
pub use per_split::PerSplit;

/// What an audit found. `mindgap inspect --json` prints it as it stands.
#[derive(Clone, Serialize)]
pub struct Audit {
    /// The data as the user named them.
    pub source: String,
    /// Seed of the val split, where the source has none.
    pub data_seed: u64,
    /// Whether val was drawn from train.
    pub is_val_drawn: bool,
    /// Class names.
    pub classes: Vec<String>,
    /// Readable images.
    pub images: PerSplit<usize>,
    /// Those of each class.
    pub counts: PerSplit<Counts>,
    /// Images of the largest class over those of the smallest; none where a class has no image.
    pub balance: PerSplit<Option<f64>>,
    /// The sizes, over all splits, the most frequent first.
    pub sizes: Vec<SizeCount>,
    /// How many different sizes there are.
    pub distinct_sizes: usize,
    /// Grey and colour images, over all splits.
    pub channels: Channels,
    /// Images that have 16 bits a channel, over all splits.
    pub sixteen_bit: u64,
    /// Values of those of train and val that become 0 and 255, as training scales them; null without such images.
    pub range_16bit: Option<[u16; 2]>,
    /// Mean of train's pixels per channel, resized as training would, values scaled to 0..1.
    pub mean: Vec<f32>,
    /// Their standard deviation.
    pub std: Vec<f32>,
    /// Of the readable images, as training makes it.
    pub fingerprint: String,
    /// What is odd.
    #[serde(flatten)]
    pub findings: Findings,
    /// What should be left out of training; in JSON how many, for each reason.
    pub to_exclude: ToExclude,
    /// What the user should know about how the source was read, one sentence each.
    pub notes: Vec<String>,
    #[serde(skip)]
    sources: PerSplit<Arc<Source>>,
}

/// Images of each class, in the order of the labels; an object in JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts(pub Vec<(String, usize)>);

impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(class, count)| (class, count)))
    }
}

/// Images of one size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct SizeCount {
    pub width: u32,
    pub height: u32,
    pub count: usize,
}

/// How many images are grey: stored with one channel, or with three that are equal in every pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct Channels {
    pub grey: usize,
    pub colour: usize,
}

impl Audit {
    /// Looks at every image of `source`, listed as `options` say (of shape, fraction and broken files they say nothing
    /// here), and names at most `limit` examples of each finding.
    ///
    /// # Errors
    /// The source is missing, empty or wrongly laid out; a list to exclude names what is not there.
    pub fn of(source: &str, options: &Options, limit: usize, progress: &dyn ReadProgress) -> Result<Self> {
        let options = Options { skip_bad: true, train_fraction: 1.0, ..options.clone() };
        let listing = listed(source, &options)?;
        let is_val_drawn = listing.is_val_drawn();
        let shape = Shape::choose(Asked::default(), &listing.train, progress);
        let classes = listing.classes;
        let splits =
            PerSplit { train: listing.train, val: listing.val.context("val holds no image")?, test: listing.test };
        let LookedAt { splits, looked, values, in_test, range } =
            look_at_all(splits, shape, options.range_16bit, progress);
        let sources = splits.map(|_, samples| Arc::clone(&samples.source));
        let names = Names { classes: &classes, sources: &sources, root: Path::new(source) };

        let rows = listing.bad.into_iter().map(|row| Broken {
            name: row.line.map_or(row.name, |line| exclude::escape(&line_key(line))),
            split: None,
            reason: row.reason,
        });
        let (mut images, mut broken): (Vec<ExaminedImage>, Vec<Broken>) = (Vec::new(), rows.collect());
        for (split, (seen, unreadable)) in looked {
            images.extend(seen);
            broken.extend(unreadable.into_iter().map(|(id, reason)| Broken {
                name: names.name(split, id),
                split: Some(split),
                reason,
            }));
        }
        let of_split = |split| images.iter().filter(move |image| image.split == split);
        let counts = splits.map(|split, _| {
            let labels: Vec<u32> = of_split(split).map(|image| image.label).collect();
            Counts(classes.iter().cloned().zip(listing::count(&labels, classes.len())).collect())
        });
        let sums = of_split(SplitName::Train).fold(PixelSums::default(), |mut all, image| {
            all.add(&image.properties.sums);
            all
        });
        let (mean, std) = sums.mean_and_std(shape.channels);
        let sizes = sizes(&images);
        let grey = images.iter().filter(|image| image.properties.is_grey).count();
        let groups = duplicates::groups(&images);
        let unreadable = broken.iter().map(|file| file.name.clone()).collect();
        let name = |number: u32| names.name(images[number as usize].split, images[number as usize].id);
        let to_exclude = ToExclude::of(&images, &groups, is_val_drawn, unreadable, name);
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
            fingerprint: fingerprint(&classes, &splits.map(|split, _| of_split(split).collect())),
            findings: Findings::of(&images, &groups, broken, &names, if limit == 0 { usize::MAX } else { limit }),
            to_exclude,
            range_16bit: range.map(Range::numbers),
            sixteen_bit: values.images + in_test.images,
            notes: listing
                .notes
                .into_iter()
                .chain(range.map(|range| values.note(range)))
                .chain(range.and_then(|range| in_test.note_of_test(range)))
                .collect(),
            classes,
            sources,
        })
    }

    /// The audit with at most `limit` of each kind of finding named, 0 for all, and at most `sizes` sizes.
    pub fn limited(self, limit: usize, sizes: usize) -> Self {
        let limit = if limit == 0 { usize::MAX } else { limit };
        let mut audit = Self { findings: self.findings.limited(limit), ..self };
        audit.sizes.truncate(sizes);
        audit
    }

    /// `item` as a PNG file, its longer side at most `side` pixels.
    ///
    /// # Errors
    /// Its file cannot be read any more.
    pub fn thumbnail(&self, item: &Item, side: u32) -> Result<Vec<u8>> {
        let source = self.sources.get(item.split).with_context(|| format!("there is no {} split", item.split))?;
        gallery::png(&resize::shrink(source.stored(item.id)?.picture, side)?)
    }
}

/// The readable images of each split, and the ids of the others with what is wrong.
type Looked = Vec<(SplitName, (Vec<ExaminedImage>, Vec<(u32, String)>))>;

/// All images, looked at with 16-bit values scaled by one range.
struct LookedAt {
    splits: PerSplit<Samples>,
    looked: Looked,
    /// Of the 16-bit images of train and val; of test where they have none.
    values: SixteenBitValues,
    /// Of those of test, unless they are the above.
    in_test: SixteenBitValues,
    range: Option<Range>,
}

/// Looks at every image; twice where 16-bit images use another range than all.
fn look_at_all(
    splits: PerSplit<Samples>,
    shape: Shape,
    given: Option<[u16; 2]>,
    progress: &dyn ReadProgress,
) -> LookedAt {
    let look = |splits: &PerSplit<Samples>| {
        let (mut looked, mut values, mut in_test) =
            (Vec::new(), SixteenBitValues::default(), SixteenBitValues::default());
        for (split, samples) in splits.each() {
            let (seen, unreadable, sixteen_bit) = examine(split, samples, shape, progress);
            if split == SplitName::Test { &mut in_test } else { &mut values }.add(&sixteen_bit);
            looked.push((split, (seen, unreadable)));
        }
        (looked, values, in_test)
    };
    let given = given.map(Range::of);
    let splits = splits.map(|_, samples| samples.in_range(given.unwrap_or(Range::FULL)));
    let (looked, mut values, mut in_test) = look(&splits);
    if values.images == 0 {
        values = std::mem::take(&mut in_test);
    }
    let range = given.filter(|_| values.images > 0).or(values.range());
    match range {
        Some(range) if range != splits.train.source.range() => {
            let splits = splits.map(|_, samples| samples.in_range(range));
            let (looked, ..) = look(&splits);
            LookedAt { splits, looked, values, in_test, range: Some(range) }
        }
        _ => LookedAt { splits, looked, values, in_test, range },
    }
}

impl Counts {
    /// Images of `class`; 0 for one that is none of the data's.
    pub fn of(&self, class: &str) -> usize {
        self.0.iter().find(|(name, _)| name == class).map_or(0, |(_, count)| *count)
    }

    fn balance(&self) -> Option<f64> {
        let counts = || self.0.iter().map(|&(_, count)| count);
        let (largest, smallest) = (counts().max()?, counts().min()?);
        (smallest > 0).then(|| largest as f64 / smallest as f64)
    }
}

/// The most frequent size first.
fn sizes(images: &[ExaminedImage]) -> Vec<SizeCount> {
    let mut counts: HashMap<(u32, u32), usize> = HashMap::new();
    images.iter().for_each(|image| *counts.entry(image.properties.size).or_default() += 1);
    let mut sizes: Vec<SizeCount> =
        counts.into_iter().map(|((width, height), count)| SizeCount { width, height, count }).collect();
    sizes.sort_unstable_by_key(|size| (std::cmp::Reverse(size.count), size.width, size.height));
    sizes
}

fn fingerprint(classes: &[String], splits: &PerSplit<Vec<&ExaminedImage>>) -> String {
    let lists = splits.map(|_, images| {
        let hashes: Vec<u128> = images.iter().map(|image| image.properties.hash).collect();
        (images.iter().map(|image| image.label).collect::<Vec<u32>>(), hashes)
    });
    let names = lists.each().map(|(split, (labels, hashes))| (split.to_string(), labels, hashes)).collect::<Vec<_>>();
    let names: Vec<_> = names.iter().map(|(name, labels, hashes)| (name.as_str(), &labels[..], &hashes[..])).collect();
    hash::fingerprint(classes, &names)
}
