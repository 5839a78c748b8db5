//! Opens a data set: from a source to splits that training can use.

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
};

use anyhow::{Context, Result, bail, ensure};

use super::{
    decoding::{
        decoded_cache::{Entry, Readings},
        hash,
        read::Reading,
        read_splits,
        shape::{self, Shape},
    },
    list_splits::listed,
    near_leaks::{self, NearLeaks},
    options::Options,
    read_progress::ReadProgress,
    selection::Selection,
    sources::{
        listing::{self, Listing, Samples},
        unreadable::{self, BadFile},
    },
    splits::{
        grouped,
        probe::{self, LabelledHashes},
        split::{Pixels, Split},
        split_name::SplitName,
        stratified,
        train_duplicates::{self, TrainDuplicates},
    },
};

/// An opened data set. Every image was decoded once without an error.
pub struct Dataset {
    /// The source as it was named to [`open`].
    pub source: String,
    /// What of the source was read, as it was named to [`open`].
    pub selection: Selection,
    /// Class names; a label is an index into them.
    pub classes: Vec<String>,
    /// Names of the groups, such as patients, whose images are not independent; empty where the images have no groups.
    pub groups: Vec<String>,
    /// Channels of every image, 1 or 3.
    pub channels: u32,
    /// Side of every image in pixels.
    pub size: u32,
    /// The 16-bit values that became 0 and 255; none without 16-bit images.
    pub range_16bit: Option<[u16; 2]>,
    /// Mean of train's pixels per channel, values scaled to 0..1.
    pub mean: Vec<f32>,
    /// Standard deviation of train's pixels per channel; 1 for a constant channel, so that division is possible.
    pub std: Vec<f32>,
    /// The images to train on.
    pub train: Split,
    /// The images to validate on.
    pub val: Split,
    /// Whether val was drawn from train.
    pub is_val_drawn: bool,
    /// Images that only a final evaluation reads.
    pub test: Option<Split>,
    /// Why an existing test split is not read: it has no labels, or classes that train lacks.
    pub unread_test: Option<String>,
    /// 32 hex digits over classes, labels and decoded pixels of every split, in their order, and over groups and soft labels if
    /// there are any.
    pub fingerprint: String,
    /// Files and rows that were left out because they cannot be read.
    pub bad_files: Vec<BadFile>,
    /// Notes for the user on how the source was read, one sentence each.
    pub notes: Vec<String>,
    /// None where they were not sought.
    near_leaks: Option<NearLeaks>,
}

/// Opens `source`: a folder of class folders, a `.csv` table like FER2013's, or `faces`, the generated faces.
///
/// # Errors
/// The source is missing, empty or wrongly laid out; there are fewer than two classes, a class of val that train lacks, a
/// class without an image in train, or a val without images; files or rows cannot be read and `skip_bad` is not set (the
/// message names them); or the list of samples to exclude names samples that do not exist.
pub fn open(source: &str, options: &Options, progress: &dyn ReadProgress) -> Result<Dataset> {
    let share = options.train_fraction;
    ensure!(share > 0.0 && share <= 1.0, "`options.train_fraction = {share}`: a share above 0 and up to 1 is possible");
    shape::check(options.img_size, options.in_chans)?;

    let listing = listed(source, options)?;
    read_all(source, listing, options, progress).with_context(|| format!("the data {source:?} cannot be used"))
}

/// Reads every image once, or loads the result of an earlier start.
fn read_all(source: &str, listing: Listing, options: &Options, progress: &dyn ReadProgress) -> Result<Dataset> {
    let is_val_drawn = listing.is_val_drawn();
    let Listing { classes, train, val, test, mut unread_test, unused, groups, mut notes, bad: mut bad_files } = listing;
    let val = val.context("val holds no image")?;
    let samples: Vec<&Samples> = [&train, &val].into_iter().chain(&test).collect();
    let mut readings = load_or_read(&samples, unused.as_ref(), options, progress, &mut notes)?;
    notes.append(&mut readings.notes);

    let mut unreadable: Vec<BadFile> = Vec::new();
    readings.splits.iter_mut().for_each(|reading| unreadable.append(&mut reading.bad));
    unreadable::tolerate(&unreadable, "images", options.skip_bad)?;
    notes.extend(unreadable::note(&unreadable));
    bad_files.append(&mut unreadable);

    let shape = readings.shape;
    let (mean, mut std) = readings.splits[0].sums.mean_and_std(shape.channels);
    for (channel, std) in std.iter_mut().enumerate().filter(|(_, std)| **std == 0.0) {
        notes.push(format!("Channel {channel} has the same value in every pixel of train."));
        *std = 1.0;
    }

    let mut splits = Vec::new();
    let mut thumbnails = Vec::new();
    for (samples, mut reading) in samples.into_iter().zip(readings.splits) {
        thumbnails.push(std::mem::take(&mut reading.thumbnails));
        let samples = readings.range.map_or_else(|| samples.clone(), |(range, _)| samples.in_range(range));
        splits.push(split_of(&samples, reading, shape, options.workers()));
    }
    let mut splits = splits.into_iter();
    let (train, val) = splits.next().zip(splits.next()).context("train and val were read")?;
    let mut test = splits.next();
    if test.as_ref().is_some_and(Split::is_empty) {
        test = None;
        unread_test = Some("no image of it can be read".into());
    }
    check_left(&classes, &train, &val).map_err(|error| match bad_files.first() {
        Some(BadFile { name, reason, .. }) => {
            error.context(format!("images are missing because they cannot be read; the first is {name}: {reason}"))
        }
        None => error,
    })?;

    let present: Vec<&Split> = [&train, &val].into_iter().chain(&test).collect();
    let named = [SplitName::Train, SplitName::Val, SplitName::Test].into_iter().zip(&present);
    let mut fingerprint = hash::fingerprint(&classes, named.map(|(name, split)| (name, split.labels_and_hashes())));
    if !groups.is_empty() {
        let of_images = present.iter().flat_map(|split| &split.groups).flatten();
        fingerprint = hash::with_groups(&fingerprint, of_images.copied());
    }
    if let Some(soft) = &train.soft {
        let rows = (0..train.len() as u32).map(|position| soft.row(position));
        fingerprint = hash::with_soft_labels(&fingerprint, rows);
    }
    let near_leaks = near_leaks::of(&present, thumbnails, options, progress, &mut notes)?;
    Ok(Dataset {
        source: source.to_owned(),
        selection: options.selection.clone(),
        classes,
        groups,
        channels: shape.channels,
        size: shape.size,
        range_16bit: readings.range.map(|(range, _)| range.numbers()),
        mean,
        std,
        train,
        val,
        is_val_drawn,
        test,
        unread_test,
        fingerprint,
        bad_files,
        notes,
        near_leaks,
    })
}

/// Loads the decoded images that an earlier start kept, or decodes all and keeps them for the next start.
fn load_or_read(
    samples: &[&Samples],
    unused: Option<&Samples>,
    options: &Options,
    progress: &dyn ReadProgress,
    notes: &mut Vec<String>,
) -> Result<Readings> {
    let entry = Entry::of(samples, unused, options);
    if let Some(entry) = &entry {
        let lengths: Vec<usize> = samples.iter().map(|samples| samples.ids.len()).collect();
        if let Some(readings) = entry.load(&lengths) {
            return Ok(readings);
        }
    }
    let readings = read_splits::read_all(samples, unused, options, progress)?;
    let is_complete = readings.splits.iter().all(|reading| reading.bad.is_empty());
    if let (Some(entry), true) = (&entry, is_complete)
        && let Err(error) = entry.save(&readings)
    {
        notes.push(format!("The decoded images are not kept for the next start: {error:#}."));
    }
    Ok(readings)
}

/// Builds a split of the readable samples.
pub(super) fn split_of(samples: &Samples, reading: Reading, shape: Shape, workers: usize) -> Split {
    let Samples { source, ids, labels, groups, soft } = samples.select(&reading.good);
    let pixels = match reading.pixels {
        Some(pixels) => Pixels::Resident(RefCell::new(pixels)),
        None => Pixels::Streamed { workers },
    };
    Split { ids, labels, hashes: reading.hashes, groups, soft, source, shape, pixels }
}

/// Checks that no class of train is empty, and that val is not, after unreadable files were left out.
fn check_left(classes: &[String], train: &Split, val: &Split) -> Result<()> {
    let counts = listing::count(&train.labels, classes.len());
    if let Some(class) = counts.iter().position(|&count| count == 0) {
        bail!("no readable image of the class {:?} is left in train", classes[class]);
    }
    ensure!(!val.is_empty(), "no image is left in val; more images are needed, or a val folder");
    Ok(())
}

impl Dataset {
    /// Draws the probe: positions in train, ascending, on which the training loss of the gap is measured.
    ///
    /// The probe has as many images of every class as val (or all of a class that has fewer), drawn with `data_seed`,
    /// without images whose pixels or group also appear in val.
    pub fn probe(&self, data_seed: u64) -> Vec<u32> {
        probe::draw(side(&self.train), side(&self.val), self.classes.len(), data_seed)
    }

    /// A hash of the sample ids of train and val, 32 hex digits. Where files are added or removed that are not in use, the fingerprint stays
    /// and the ids after them change.
    pub fn sample_ids(&self) -> String {
        hash::sample_ids([&self.train.ids[..], &self.val.ids[..]])
    }

    /// Counts the images of train that repeat others, pixel for pixel.
    pub fn duplicates_in_train(&self) -> TrainDuplicates {
        train_duplicates::count(side(&self.train))
    }

    /// For each image of train, whether its pixels or its group also appear in val, so that it measures the network on val: the
    /// probe has none of them.
    pub fn train_in_val(&self) -> Vec<bool> {
        probe::in_val(side(&self.train), side(&self.val))
    }

    /// For each image of val, whether its decoded pixels also appear in train: a leak.
    pub fn val_in_train(&self) -> Vec<bool> {
        self.in_train(&self.val)
    }

    /// For each image of `split` (val or test), whether its decoded pixels also appear in train: a leak.
    pub fn in_train(&self, split: &Split) -> Vec<bool> {
        probe::in_train(side(&self.train), side(split))
    }

    /// For each image of val, whether it is a near leak: no image of train equals it, and one is a near-duplicate, which
    /// shows the same photograph re-encoded, cropped, mirrored or in other light. None where they were not to be
    /// sought, and for a data set that is too large for the search; a note says so.
    pub fn val_near_leaks(&self) -> Option<&[bool]> {
        self.near_leaks.as_ref().map(|leaks| &leaks[0][..])
    }

    /// For each image of test, whether it is a near leak; see [`val_near_leaks`](Self::val_near_leaks). None without test,
    /// too.
    pub fn test_near_leaks(&self) -> Option<&[bool]> {
        self.near_leaks.as_ref()?.get(1).map(Vec::as_slice)
    }

    /// For each image of val, whether it is in the first of two stratified halves, drawn with `data_seed`, which keep groups
    /// whole or, where there are none, equal images together. A quantity fitted on one half is scored on the other.
    pub fn val_halves(&self, data_seed: u64) -> Vec<bool> {
        match &self.val.groups {
            Some(groups) => grouped::halves(&self.val.labels, self.classes.len(), groups, data_seed),
            None => {
                let mut halves = stratified::halves(&self.val.labels, self.classes.len(), data_seed);
                keep_equal_images_together(&mut halves, &self.val.hashes);
                halves
            }
        }
    }

    /// How many images of `split` (val or test) belong to a group that also has images in train; None where the images have
    /// no groups.
    pub fn group_leaks(&self, split: &Split) -> Option<usize> {
        let (train, groups) = (self.train.groups.as_ref()?, split.groups.as_ref()?);
        let in_train: HashSet<&u32> = train.iter().collect();
        Some(groups.iter().filter(|group| in_train.contains(group)).count())
    }
}

/// Moves each image into the half of the first one that has its pixels.
fn keep_equal_images_together(halves: &mut [bool], hashes: &[u128]) {
    let mut of_first = HashMap::new();
    for (half, hash) in halves.iter_mut().zip(hashes) {
        *half = *of_first.entry(hash).or_insert(*half);
    }
}

fn side(split: &Split) -> LabelledHashes<'_> {
    LabelledHashes { labels: &split.labels, hashes: &split.hashes, groups: split.groups.as_deref() }
}
