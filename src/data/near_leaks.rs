//! The near leaks of an opened data set: images of val and test with a near-duplicate, but no equal image, in train.
//!
//! Two starts on equal images find the same, so that the result is kept beside the decoded images, under a hash of all
//! pixel hashes.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use rayon::prelude::*;
use safetensors::Dtype;
use xxhash_rust::xxh3::Xxh3;

use super::{
    near_duplicates::{self, Searched, thumbnail::Thumbnail},
    options::Options,
    read_progress::ReadProgress,
    splits::split::Split,
};
use crate::durable::{Archive, Array};

/// Largest number of images, over all splits, among which near leaks are sought when training starts: at this size the
/// search takes a minute or two on two cores.
const MOST: usize = 200_000;
/// Smallest number of images whose result is kept. A search among fewer takes about as long as reading a file.
const LEAST_KEPT: usize = 2_000;
/// Version of the search; a result of another one is not used.
const VERSION: u32 = 2;

/// For val and, if it exists, test: whether each of its images is a near leak.
pub type NearLeaks = Vec<Vec<bool>>;

/// Finds the near leaks in `splits`: train, val and, if it exists, test. `thumbnails` are those of each split, without any
/// where its images were not decoded at this start. None where they are not to be
/// sought, and for a data set that is too large, where `notes` says so.
/// Fails if an image can no longer be read.
pub fn of(
    splits: &[&Split],
    thumbnails: Vec<Vec<Option<Thumbnail>>>,
    options: &Options,
    progress: &dyn ReadProgress,
    notes: &mut Vec<String>,
) -> Result<Option<NearLeaks>> {
    if !options.near_leaks {
        return Ok(None);
    }
    let images: usize = splits.iter().map(|split| split.len()).sum();
    if images > MOST {
        notes.push(format!(
            "Near leaks are not sought, since the data have {images} images, more than {MOST}; `mindgap inspect` finds them."
        ));
        return Ok(None);
    }
    let file = options.decoded_folder.as_ref().filter(|_| images >= LEAST_KEPT).map(|folder| kept_in(folder, splits));
    if let Some(leaks) = file.as_ref().and_then(|file| load(file, splits).ok()) {
        return Ok(Some(leaks));
    }
    let mut all = Vec::new();
    for (split, thumbnails) in splits.iter().zip(thumbnails) {
        all.extend(if thumbnails.len() == split.len() { thumbnails } else { read(split, progress)? });
    }
    let hashes: Vec<u128> = splits.iter().flat_map(|split| &split.hashes).copied().collect();
    let pairs = hashes.iter().zip(&all);
    let searched: Vec<Searched> =
        pairs.map(|(&hash, thumbnail)| Searched { hash, thumbnail: thumbnail.as_ref(), features: None }).collect();
    let pairs = near_duplicates::find(&searched, progress).pairs;
    let train = splits[0].len();
    let mut of_images = near_duplicates::near_leaks(&hashes, train, &pairs).into_iter().skip(train);
    let leaks: NearLeaks = splits[1..].iter().map(|split| of_images.by_ref().take(split.len()).collect()).collect();
    if let Some(file) = file
        && let Err(error) = save(&file, &leaks)
    {
        notes.push(format!("The near leaks are not kept for the next start: {error:#}."));
    }
    Ok(Some(leaks))
}

/// The thumbnails of a split whose decoded images were kept by an earlier start.
fn read(split: &Split, progress: &dyn ReadProgress) -> Result<Vec<Option<Thumbnail>>> {
    progress.begin("Reading images to compare", split.len() as u64);
    let source = &split.source;
    let read = |&id: &u32| {
        progress.advance(1);
        let found = source.stored(id).and_then(|stored| Thumbnail::of(&stored.image));
        found.with_context(|| format!("{} can no longer be read", source.name(id)))
    };
    let thumbnails = split.ids.par_iter().map(read).collect();
    progress.end();
    thumbnails
}

fn kept_in(folder: &std::path::Path, splits: &[&Split]) -> PathBuf {
    let mut key = Xxh3::new();
    key.update(&VERSION.to_le_bytes());
    for split in splits {
        key.update(&split.len().to_le_bytes());
        split.hashes.iter().for_each(|hash| key.update(&hash.to_le_bytes()));
    }
    folder.join(format!("near-leaks-{:032x}.safetensors", key.digest128()))
}

fn load(file: &std::path::Path, splits: &[&Split]) -> Result<NearLeaks> {
    let archive = Archive::load(file)?;
    let mut leaks = NearLeaks::new();
    for (number, split) in splits.iter().enumerate().skip(1) {
        let array = archive.array(&number.to_string()).context("a split is missing")?;
        ensure!(array.bytes.len() == split.len(), "a split has another length");
        leaks.push(array.bytes.iter().map(|&byte| byte == 1).collect());
    }
    Ok(leaks)
}

fn save(file: &std::path::Path, leaks: &[Vec<bool>]) -> Result<()> {
    let mut archive = Archive::default();
    for (number, of_split) in (1..).zip(leaks) {
        let bytes = of_split.iter().map(|&leak| [u8::from(leak)]);
        archive.arrays.push(Array::of(number.to_string(), Dtype::U8, &[of_split.len()], bytes));
    }
    std::fs::create_dir_all(crate::durable::folder_of(file))?;
    archive.save(file)
}
