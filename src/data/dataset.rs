//! Opening a data set: from a source to splits that training can use.

use std::{
    cell::RefCell,
    collections::HashSet,
    path::{Path, PathBuf},
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
    options::Options,
    read_progress::ReadProgress,
    sources::{
        exclude::Exclusions,
        faces, image_folder,
        listing::{self, Listing, Samples},
        source::{Names, Source},
        table,
        unreadable::{self, BadFile},
    },
    splits::{
        probe::{self, LabelledHashes},
        split::{Pixels, Split},
        split_folders::SplitFolders,
        stratified,
        train_duplicates::{self, TrainDuplicates},
    },
};

/// An opened data set: every image was read once, and found whole.
pub struct Dataset {
    /// The source as it was named to [`open`].
    pub source: String,
    /// The folders of splits that were named to [`open`].
    pub folders: SplitFolders,
    /// Class names; a label is an index in them.
    pub classes: Vec<String>,
    /// Channels of every image, 1 or 3.
    pub channels: u32,
    /// Pixels of every image, across and down.
    pub size: u32,
    /// The values of 16-bit images that became 0 and 255; none without such images.
    pub range_16bit: Option<[u16; 2]>,
    /// Mean of train's pixels per channel, values scaled to 0..1.
    pub mean: Vec<f32>,
    /// Their standard deviation; 1 for a channel that is the same everywhere, so that it can be divided by.
    pub std: Vec<f32>,
    /// The images to train on.
    pub train: Split,
    /// The images to validate on.
    pub val: Split,
    /// Whether they were drawn from train's.
    pub is_val_drawn: bool,
    /// Images that nothing but a final evaluation reads.
    pub test: Option<Split>,
    /// Why a test split that is there is not read: it has no labels, or some that train does not know.
    pub unread_test: Option<String>,
    /// 32 hex digits over classes, labels and decoded pixels of every split, in their order.
    pub fingerprint: String,
    /// The list of samples that were left out as if they were not there.
    pub exclude: Option<PathBuf>,
    /// Files and rows left out because they cannot be read.
    pub bad_files: Vec<BadFile>,
    /// What the user should know about how the source was read, one sentence each.
    pub notes: Vec<String>,
}

/// Opens `source`: a folder of class folders, a `.csv` table like FER2013's, or `faces`, which are generated.
///
/// # Errors
/// A source that is missing, empty or wrongly laid out, fewer than two classes, a class of val that train lacks, a class
/// without an image in train, a val without images, and, unless `skip_bad`, files and rows that cannot be read, by name; a list to
/// `exclude` that names what is not there.
pub fn open(source: &str, options: &Options, progress: &dyn ReadProgress) -> Result<Dataset> {
    let share = options.train_fraction;
    ensure!(share > 0.0 && share <= 1.0, "--train-fraction {share}: a share above 0 and up to 1 is possible");
    shape::check(options.img_size, options.in_chans)?;

    let listing = listed(source, options)?;
    read_all(source, listing, options, progress).with_context(|| format!("the data {source:?} cannot be used"))
}

/// The samples of every split of `source`, none of them read yet.
pub(super) fn listed(source: &str, options: &Options) -> Result<Listing> {
    let mut listing = listed_whole(source, options).with_context(|| format!("the data {source:?} cannot be used"))?;
    if !listing.bad.is_empty() {
        listing.notes.push(format!("{} rows that cannot be read were left out (--skip-bad).", listing.bad.len()));
    }
    settle_splits(&mut listing, options);
    Ok(listing)
}

/// The splits as the source has them, less what is excluded.
fn listed_whole(source: &str, options: &Options) -> Result<Listing> {
    let mut exclusions = options.exclude.as_deref().map_or_else(|| Ok(Exclusions::default()), Exclusions::read)?;
    let mut listing = list(source, options, &mut exclusions)?;
    exclusions.apply(&mut listing, Path::new(source))?;
    listing.check()?;
    Ok(listing)
}

fn list(source: &str, options: &Options, exclusions: &mut Exclusions) -> Result<Listing> {
    let is_folder = source != "faces" && Path::new(source).is_dir();
    ensure!(
        is_folder || options.folders.is_empty(),
        "--train-dir, --val-dir and --test-dir name folders in a folder of images, and {source:?} is none"
    );
    if source == "faces" {
        return Ok(generate(options.data_seed));
    }
    let path = Path::new(source);
    let kind = path.metadata().context("there is no such folder or file")?;
    if kind.is_dir() {
        image_folder::list(path, &options.folders)
    } else if is_table(path) {
        table::list(path, options.skip_bad, exclusions)
    } else {
        bail!("it is neither a folder nor a .csv file");
    }
}

/// Whether `path` is a file that is read as a table.
pub(super) fn is_table(path: &Path) -> bool {
    path.is_file() && path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"))
}

fn generate(data_seed: u64) -> Listing {
    let samples = |kind, first, count| {
        let faces::Faces { images, labels } = faces::generate(data_seed, first, count);
        Samples::all(Source::Grey { side: faces::SIZE as u32, pixels: images, names: Names::Numbers(kind) }, labels)
    };
    Listing {
        classes: faces::CLASSES.map(str::to_owned).to_vec(),
        train: samples("train face", 0, faces::TRAIN),
        val: Some(samples("val face", faces::TRAIN, faces::VAL)),
        test: None,
        unread_test: None,
        unused: None,
        notes: Path::new("faces")
            .exists()
            .then(|| "The generated faces are used; ./faces is not read.".into())
            .into_iter()
            .collect(),
        bad: Vec::new(),
    }
}

/// Gives the listing a val split if it lacks one, and train the fraction asked for.
fn settle_splits(listing: &mut Listing, options: &Options) {
    let classes = listing.classes.len();
    if listing.val.is_none() {
        let (train, val) = stratified::tenth(&listing.train.labels, classes, options.data_seed);
        listing.val = Some(listing.train.select(&val));
        listing.train = listing.train.select(&train);
        listing.notes.push(format!(
            "There is no val split: {} of the {} training images, a tenth of every class, validate (--data-seed {}).",
            val.len(),
            val.len() + train.len(),
            options.data_seed
        ));
        listing.note_absent_from_drawn();
    }
    if options.train_fraction < 1.0 {
        let all = listing.train.ids.len();
        let used = stratified::fraction(&listing.train.labels, classes, options.train_fraction, options.data_seed);
        let is_used: HashSet<u32> = used.iter().copied().collect();
        let unused: Vec<u32> = (0..all as u32).filter(|position| !is_used.contains(position)).collect();
        listing.unused = Some(listing.train.select(&unused));
        listing.train = listing.train.select(&used);
        listing.notes.push(format!("{} of {all} training images are used (--train-fraction).", used.len()));
    }
}

/// Reads every image once, or finds what was read before.
fn read_all(source: &str, listing: Listing, options: &Options, progress: &dyn ReadProgress) -> Result<Dataset> {
    let is_val_drawn = listing.is_val_drawn();
    let Listing { classes, train, val, test, mut unread_test, unused, mut notes, bad: mut bad_files } = listing;
    let val = val.context("val holds no image")?;
    let splits: Vec<&Samples> = [&train, &val].into_iter().chain(&test).collect();
    let lengths: Vec<usize> = splits.iter().map(|samples| samples.ids.len()).collect();
    let entry = Entry::of(&splits, unused.as_ref(), options);
    let Readings { shape, range, notes: of_depth, splits: mut readings } =
        match entry.as_ref().and_then(|entry| entry.load(&lengths)) {
            Some(readings) => readings,
            None => {
                let readings = read_splits::read_all(&splits, unused.as_ref(), options, progress)?;
                let whole = readings.splits.iter().all(|reading| reading.bad.is_empty());
                if let (Some(entry), true) = (&entry, whole)
                    && let Err(error) = entry.save(&readings)
                {
                    notes.push(format!("The decoded images are not kept for the next start: {error:#}."));
                }
                readings
            }
        };
    notes.extend(of_depth);

    let mut unreadable: Vec<BadFile> =
        readings.iter_mut().flat_map(|reading| std::mem::take(&mut reading.bad)).collect();
    unreadable::tolerate(&unreadable, "images", options.skip_bad)?;
    if !unreadable.is_empty() {
        let names = unreadable::in_line(unreadable.iter().map(|file| &file.name));
        notes.push(format!("{} images that cannot be read were left out (--skip-bad): {names}.", unreadable.len()));
    }
    bad_files.append(&mut unreadable);

    let (mean, mut std) = readings[0].sums.mean_and_std(shape.channels);
    for (channel, std) in std.iter_mut().enumerate().filter(|(_, std)| **std == 0.0) {
        notes.push(format!("Channel {channel} has the same value in every pixel of train."));
        *std = 1.0;
    }
    let workers = options.workers();
    let splits: Vec<Samples> = splits.into_iter().map(|samples| read_splits::in_range(samples, range)).collect();
    let mut split = splits.iter().zip(readings).map(|(samples, reading)| split_of(samples, reading, shape, workers));
    let (train, val) = split.next().zip(split.next()).context("train and val were read")?;
    let mut test = split.next();
    drop(split);
    if test.as_ref().is_some_and(Split::is_empty) {
        test = None;
        unread_test = Some("no image of it can be read".into());
    }
    check_left(&classes, &train, &val).map_err(|error| match bad_files.first() {
        Some(file) => {
            error.context(format!("what cannot be read is missing, first of all {}: {}", file.name, file.reason))
        }
        None => error,
    })?;

    let mut splits = vec![("train", &train.labels[..], &train.hashes[..]), ("val", &val.labels, &val.hashes)];
    splits.extend(test.as_ref().map(|test| ("test", &test.labels[..], &test.hashes[..])));
    let fingerprint = hash::fingerprint(&classes, &splits);
    let Shape { channels, size } = shape;
    let exclude = options.exclude.clone();
    Ok(Dataset {
        source: source.to_owned(),
        folders: options.folders.clone(),
        classes,
        channels,
        size,
        range_16bit: range.map(|(range, _)| range.numbers()),
        mean,
        std,
        train,
        val,
        is_val_drawn,
        test,
        unread_test,
        fingerprint,
        exclude,
        bad_files,
        notes,
    })
}

pub(super) fn split_of(samples: &Samples, reading: Reading, shape: Shape, workers: usize) -> Split {
    let Samples { source, ids, labels } = samples.select(&reading.good);
    let pixels = match reading.pixels {
        Some(pixels) => Pixels::Resident(RefCell::new(pixels)),
        None => Pixels::Streamed { workers },
    };
    Split { ids, labels, hashes: reading.hashes, source, shape, pixels }
}

/// Leaving out bad files may have emptied a class or val, or val may be too small to hold anything.
fn check_left(classes: &[String], train: &Split, val: &Split) -> Result<()> {
    let counts = listing::count(&train.labels, classes.len());
    if let Some(class) = counts.iter().position(|&count| count == 0) {
        bail!("no readable image of the class {:?} is left in train", classes[class]);
    }
    ensure!(!val.is_empty(), "no image is left in val; more images are needed, or a val folder");
    Ok(())
}

impl Dataset {
    /// The probe: positions in train, ascending, on which the training side of the gap is measured.
    ///
    /// As many of every class as val has (or all, if it has fewer), drawn by `data_seed`, without images whose pixels
    /// also stand in val.
    pub fn probe(&self, data_seed: u64) -> Vec<u32> {
        probe::draw(side(&self.train), side(&self.val), self.classes.len(), data_seed)
    }

    /// How many images of train repeat others, pixel for pixel.
    pub fn duplicates_in_train(&self) -> TrainDuplicates {
        train_duplicates::count(side(&self.train))
    }

    /// For each image of val, whether its decoded pixels also stand in train: a leak.
    pub fn val_in_train(&self) -> Vec<bool> {
        self.in_train(&self.val)
    }

    /// The same for each image of `split`, val or test.
    pub fn in_train(&self, split: &Split) -> Vec<bool> {
        probe::in_train(side(&self.train), side(split))
    }

    /// For each image of val, whether it stands in the first of two stratified halves, drawn by `data_seed`: what is
    /// fitted on one half is scored on the other.
    pub fn val_halves(&self, data_seed: u64) -> Vec<bool> {
        stratified::halves(&self.val.labels, self.classes.len(), data_seed)
    }
}

fn side(split: &Split) -> LabelledHashes<'_> {
    LabelledHashes { labels: &split.labels, hashes: &split.hashes }
}
