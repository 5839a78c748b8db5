//! Caches the result of reading image files for the next start: decoded pixels, hashes, sums and the shape.
//!
//! The key of an entry is made of the path, device, inode, size and change times of every file, in order, and of the
//! options. Writing, replacing or renaming a file changes its change time, which no program can set; the whole data set is
//! then read again. Entries are archives with a checksum; a damaged entry counts as absent.

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
    sixteen_bit::Range,
};
use crate::data::{
    options::Options,
    sources::{listing::Samples, source::Source},
};
use crate::durable::{self, Archive, Array};

/// Smaller data sets are not cached: decoding them takes a moment.
const LEAST_BYTES: u64 = 1 << 20;

/// The result of reading every image of a data set.
pub struct Readings {
    pub shape: Shape,
    /// The range of 16-bit values and the number of images that have them; none without such images.
    pub range: Option<(Range, u64)>,
    /// Notes for the user on 16-bit images.
    pub notes: Vec<String>,
    /// The readings of train, val and, if it exists, test.
    pub splits: Vec<Reading>,
}

/// The user's folder of decoded images: `mindgap/decoded` in `XDG_CACHE_HOME` or in `~/.cache`. `None` without a home folder.
pub fn default_folder() -> Option<PathBuf> {
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")));
    Some(cache?.join("mindgap").join("decoded"))
}

/// One entry of the cache.
pub struct Entry {
    path: PathBuf,
    /// Largest size of all entries together in bytes.
    limit: u64,
}

impl Entry {
    /// The entry for reading `splits`. `None` if nothing is cached: without a folder, for a source without image files, for
    /// a small data set, and if a file is missing. The `unused` images are part of the key because they influence the range
    /// of 16-bit values.
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

    /// Loads the entry; `None` if it is absent or damaged. `lengths` are the lengths of the splits.
    pub fn load(&self, lengths: &[usize]) -> Option<Readings> {
        let readings = from_archive(&Archive::load(&self.path).ok()?, lengths).ok()?;
        // The time of change records the last use: entries used longest ago are deleted first.
        let _ = fs::File::open(&self.path).and_then(|file| file.set_modified(SystemTime::now()));
        Some(readings)
    }

    /// Saves `readings`, after the oldest entries were deleted until all fit the limit. Readings that exceed the limit alone
    /// are not saved.
    /// Fails if the disk is full or the folder cannot be written to; nothing is saved then.
    pub fn save(&self, readings: &Readings) -> Result<()> {
        let folder = durable::folder_of(&self.path);
        fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let bytes = to_archive(readings)?.to_bytes()?;
        if bytes.len() as u64 > self.limit {
            return Ok(());
        }
        delete_oldest(&folder, self.limit.saturating_sub(bytes.len() as u64))?;
        durable::write(&self.path, &bytes)
    }
}

/// The numbers that identify an unchanged file: its size first, then device, inode, modification time and change time.
fn stat(path: &Path) -> Result<(&Path, [u64; 7])> {
    let stat = fs::metadata(path)?;
    let times = [stat.mtime(), stat.mtime_nsec(), stat.ctime(), stat.ctime_nsec()];
    let [modified, modified_ns, changed, changed_ns] = times.map(|time| time as u64);
    Ok((path, [stat.len(), stat.dev(), stat.ino(), modified, modified_ns, changed, changed_ns]))
}

/// Total size of all entries in `folder` in bytes; 0 if it does not exist.
pub fn kept_bytes(folder: &Path) -> u64 {
    entries(folder).unwrap_or_default().iter().map(|(_, length, _)| length).sum()
}

/// Lists the time of last use, the size and the path of each entry; the entry used longest ago comes first.
fn entries(folder: &Path) -> Result<Vec<(SystemTime, u64, PathBuf)>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        // Another process may delete the entry at the same time.
        if let (Some("safetensors"), Ok(stat)) = (path.extension().and_then(|e| e.to_str()), path.metadata()) {
            entries.push((stat.modified().unwrap_or(SystemTime::UNIX_EPOCH), stat.len(), path));
        }
    }
    entries.sort();
    Ok(entries)
}

/// Deletes the entries used longest ago until the rest have at most `limit` bytes.
fn delete_oldest(folder: &Path, limit: u64) -> Result<()> {
    let mut free = limit;
    for (_, length, path) in entries(folder)?.into_iter().rev() {
        if length <= free {
            free -= length;
        } else {
            free = 0;
            let _ = fs::remove_file(path);
        }
    }
    Ok(())
}

fn to_archive(readings: &Readings) -> Result<Archive> {
    let Shape { channels, size } = readings.shape;
    let mut arrays = vec![Array::of("shape", Dtype::U32, &[2], [channels, size].map(u32::to_le_bytes))];
    if let Some((range, images)) = readings.range {
        let [low, high] = range.numbers().map(u64::from);
        arrays.push(Array::of("range", Dtype::U64, &[3], [low, high, images].map(u64::to_le_bytes)));
        let notes = readings.notes.join("\n");
        arrays.push(Array::of("notes", Dtype::U8, &[notes.len()], notes.bytes().map(|byte| [byte])));
    }
    for (number, reading) in readings.splits.iter().enumerate() {
        let n = reading.hashes.len();
        let hashes = reading.hashes.iter().map(|hash| hash.to_le_bytes());
        arrays.push(Array::of(format!("{number}.hashes"), Dtype::U64, &[n, 2], hashes));
        let sums = reading.sums.to_numbers().map(u64::to_le_bytes);
        arrays.push(Array::of(format!("{number}.sums"), Dtype::U64, &[sums.len()], sums));
        if let Some(pixels) = &reading.pixels {
            let shape = vec![n, readings.shape.bytes()];
            let mut bytes = vec![0; n * readings.shape.bytes()];
            let count = bytes.len();
            pixels.f_copy_data_u8(&mut bytes, count)?;
            arrays.push(Array { name: format!("{number}.pixels"), dtype: Dtype::U8, shape, bytes });
        }
    }
    Ok(Archive { arrays, ..Archive::default() })
}

fn from_archive(archive: &Archive, lengths: &[usize]) -> Result<Readings> {
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
        Ok(Reading { good: (0..n as u32).collect(), hashes, pixels: pixels.transpose()?, sums, ..Reading::default() })
    });
    Ok(Readings { shape, range, notes, splits: splits.collect::<Result<_>>()? })
}
