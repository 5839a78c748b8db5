//! What the first reading of image files found, kept for the next start: decoded pixels, hashes, sums and the shape.
//!
//! A reading is found again by every file's path, place, size and times of change, in their order, and by what was
//! asked for. A file that was written to, replaced or renamed has another time of change, which no program can set; so
//! it is read anew with all the others. Entries are archives with a checksum; a damaged one counts as absent.

use std::{
    env, fs,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
    time::SystemTime,
};

use anyhow::{Context, Result, ensure};
use rayon::prelude::*;
use safetensors::Dtype;
use xxhash_rust::xxh3::Xxh3;

use super::{
    pixel_statistics::PixelSums,
    read::{self, Reading},
    shape::Shape,
    sixteen_bit::{Range, SixteenBitValues},
};
use crate::data::{
    options::Options,
    sources::{listing::Samples, source::Source},
};
use crate::durable::{self, Archive, Array};

/// Smaller sets are read anew: their files are decoded in the blink of an eye.
const LEAST_BYTES: u64 = 1 << 20;

/// Every image of a data set, read.
pub struct Readings {
    pub shape: Shape,
    /// The range of 16-bit values, and the images that have them; none without such images.
    pub range: Option<(Range, u64)>,
    /// What the user should know about 16-bit images.
    pub notes: Vec<String>,
    /// Of train, val and, where there is one, test.
    pub splits: Vec<Reading>,
}

/// Where a program keeps decoded images: `mindgap/decoded` in `XDG_CACHE_HOME`, or in `~/.cache`. `None` without a home.
pub fn default_folder() -> Option<PathBuf> {
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")));
    Some(cache?.join("mindgap").join("decoded"))
}

/// The place of one reading among those that are kept.
pub struct Entry {
    path: PathBuf,
    /// Bytes that all entries together may have.
    limit: u64,
}

impl Entry {
    /// The place of what will be, or was, found in `splits`; `None` where nothing is kept: without a folder to keep it
    /// in, for what is no image file, for little, and where a file is missing. The images that are `unused` decide with the
    /// others by what range 16-bit values are scaled.
    pub fn of(splits: &[&Samples], unused: Option<&Samples>, options: &Options) -> Option<Self> {
        let folder = options.decoded_folder.as_ref()?;
        let mut key = Xxh3::new();
        let asked = (options.img_size, options.in_chans, options.cache_limit, options.range_16bit);
        key.update(format!("{} {asked:?} 3", env!("CARGO_PKG_VERSION")).as_bytes());
        let mut bytes = 0;
        for samples in splits.iter().copied().chain(unused) {
            let Source::Files { paths, .. } = &*samples.source else { return None };
            let stats: Option<Vec<(&Path, [u64; 7])>> =
                samples.ids.par_iter().map(|&id| stat(&paths[id as usize]).ok()).collect();
            key.update(&samples.ids.len().to_le_bytes());
            for (path, stat) in stats? {
                bytes += stat[0];
                key.update(path.as_os_str().as_bytes());
                stat.iter().for_each(|number| key.update(&number.to_le_bytes()));
            }
        }
        let path = folder.join(format!("{:032x}.safetensors", key.digest128()));
        (bytes >= LEAST_BYTES).then_some(Self { path, limit: options.decoded_limit })
    }

    /// What was kept here: `None` if nothing was, or it is damaged. `lengths` are those of the splits.
    pub fn load(&self, lengths: &[usize]) -> Option<Readings> {
        let readings = readings(&Archive::load(&self.path).ok()?, lengths).ok()?;
        // The entries used last are the last to go.
        let _ = fs::File::open(&self.path).and_then(|file| file.set_modified(SystemTime::now()));
        Some(readings)
    }

    /// Keeps `readings` here, and lets older entries go until all together have no more than the limit. What alone has
    /// more is not kept.
    ///
    /// # Errors
    /// The disk is full or the folder cannot be written to; nothing is kept then.
    pub fn save(&self, readings: &Readings) -> Result<()> {
        let folder = durable::folder_of(&self.path);
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let bytes = archive(readings)?.to_bytes()?;
        if bytes.len() as u64 > self.limit {
            return Ok(());
        }
        make_room(&folder, self.limit.saturating_sub(bytes.len() as u64))?;
        durable::write(&self.path, &bytes)
    }
}

/// A file's size first, then what else tells that it is the same: device, inode, and when it and its entry changed.
fn stat(path: &Path) -> Result<(&Path, [u64; 7])> {
    let stat = fs::metadata(path)?;
    let (modified, changed) = ([stat.mtime(), stat.mtime_nsec()], [stat.ctime(), stat.ctime_nsec()]);
    let [a, b, c, d] = [modified[0], modified[1], changed[0], changed[1]].map(|time| time as u64);
    Ok((path, [stat.len(), stat.dev(), stat.ino(), a, b, c, d]))
}

/// Bytes that all entries in `folder` have together; 0 where it is not there.
pub fn kept_bytes(folder: &Path) -> u64 {
    entries(folder).unwrap_or_default().iter().map(|(_, length, _)| length).sum()
}

/// When each entry was last used, its bytes and its path; the one used longest ago comes first.
fn entries(folder: &Path) -> Result<Vec<(SystemTime, u64, PathBuf)>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        // Another process may remove it at the same moment.
        if let (Some("safetensors"), Ok(stat)) = (path.extension().and_then(|e| e.to_str()), path.metadata()) {
            entries.push((stat.modified().unwrap_or(SystemTime::UNIX_EPOCH), stat.len(), path));
        }
    }
    entries.sort();
    Ok(entries)
}

/// Removes the entries used longest ago until the rest have at most `room` bytes.
fn make_room(folder: &Path, mut room: u64) -> Result<()> {
    for (_, length, path) in entries(folder)?.into_iter().rev() {
        if length <= room {
            room -= length;
        } else {
            room = 0;
            let _ = fs::remove_file(path);
        }
    }
    Ok(())
}

fn archive(readings: &Readings) -> Result<Archive> {
    let Shape { channels, size } = readings.shape;
    let mut archive = Archive::default();
    let mut add =
        |name: String, dtype, shape: Vec<usize>, bytes| archive.arrays.push(Array { name, dtype, shape, bytes });
    add("shape".into(), Dtype::U32, vec![2], bytes_of([channels, size].map(u32::to_le_bytes)));
    if let Some((range, images)) = readings.range {
        let [low, high] = range.numbers().map(u64::from);
        add("range".into(), Dtype::U64, vec![3], bytes_of([low, high, images].map(u64::to_le_bytes)));
        let notes = readings.notes.join("\n").into_bytes();
        add("notes".into(), Dtype::U8, vec![notes.len()], notes);
    }
    for (number, reading) in readings.splits.iter().enumerate() {
        let n = reading.hashes.len();
        let hashes = bytes_of(reading.hashes.iter().map(|hash| hash.to_le_bytes()));
        add(format!("{number}.hashes"), Dtype::U64, vec![n, 2], hashes);
        let sums = reading.sums.to_numbers();
        add(format!("{number}.sums"), Dtype::U64, vec![sums.len()], bytes_of(sums.map(u64::to_le_bytes)));
        if let Some(pixels) = &reading.pixels {
            let mut bytes = vec![0; n * readings.shape.bytes()];
            let count = bytes.len();
            pixels.f_copy_data_u8(&mut bytes, count)?;
            add(format!("{number}.pixels"), Dtype::U8, vec![n, readings.shape.bytes()], bytes);
        }
    }
    Ok(archive)
}

fn readings(archive: &Archive, lengths: &[usize]) -> Result<Readings> {
    let array = |name: String| archive.array(&name).with_context(|| format!("{name} is missing"));
    let numbers = |name: String| -> Result<Vec<u64>> {
        Ok(array(name)?.bytes.as_chunks().0.iter().map(|&bytes| u64::from_le_bytes(bytes)).collect())
    };
    let shape = array("shape".into())?.bytes.as_chunks().0.iter().map(|&bytes| u32::from_le_bytes(bytes));
    let &[channels, size] = &shape.collect::<Vec<_>>()[..] else { anyhow::bail!("the shape is not two numbers") };
    let shape = Shape { channels, size };
    let range = match &archive.array("range").map(|_| numbers("range".into())).transpose()?.unwrap_or_default()[..] {
        [] => None,
        &[low, high, images] => Some((Range::of([low as u16, high as u16]), images)),
        _ => anyhow::bail!("the range is not three numbers"),
    };
    let notes = archive.array("notes").map(|notes| std::str::from_utf8(&notes.bytes)).transpose()?.unwrap_or_default();
    let notes = notes.lines().map(str::to_owned).collect();
    let splits = lengths.iter().enumerate().map(|(number, &n)| {
        let hashes = &array(format!("{number}.hashes"))?.bytes;
        let hashes: Vec<u128> = hashes.as_chunks().0.iter().map(|&bytes| u128::from_le_bytes(bytes)).collect();
        ensure!(hashes.len() == n, "{} of {n} images are there", hashes.len());
        let sums = PixelSums::from_numbers(&numbers(format!("{number}.sums"))?).context("the sums are incomplete")?;
        let pixels = archive.array(&format!("{number}.pixels")).map(|pixels| read::tensor(&pixels.bytes, shape));
        Ok(Reading {
            good: (0..n as u32).collect(),
            hashes,
            pixels: pixels.transpose()?,
            sums,
            sixteen_bit: SixteenBitValues::default(),
            bad: Vec::new(),
            headers: Vec::new(),
        })
    });
    Ok(Readings { shape, range, notes, splits: splits.collect::<Result<_>>()? })
}

fn bytes_of<const N: usize>(numbers: impl IntoIterator<Item = [u8; N]>) -> Vec<u8> {
    numbers.into_iter().flatten().collect()
}
