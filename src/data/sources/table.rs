//! Tables of pixels, one row per image, separated by commas, semicolons or tabs.
//!
//! - Kaggle's `fer2013.csv`: `emotion,pixels[,Usage]` in any order and case; further columns are ignored. `pixels` holds a square number
//!   of grey values 0–255 separated by spaces. `Usage` is Training, PublicTest (val) or PrivateTest (test).
//! - MNIST and its like: `label,pixel0,pixel1,…`, a column for each of a square number of grey values.
//!
//! `columns` finds the columns and reads a row.

mod columns;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    path::Path,
};

use anyhow::{Context, Result, bail, ensure};
use csv::{ByteRecord, ReaderBuilder, Trim};

use super::{
    csv_rows::{first_line, separator},
    exclude::Exclusions,
    listing::{Listing, Samples},
    source::{Names, Source, line_key},
    unreadable::{self, BadFile},
};
use crate::{data::splits::split_name::SplitName, durable::uncounted_lines};
use columns::Columns;

/// FER2013's classes in the order of its numbers.
const EMOTIONS: [&str; 7] = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"];

/// Numbers of classes of a test table, which need not have all, are below this: a larger one is a mistake.
const MOST_CLASSES: u32 = 65_536;

/// Lists the rows of a table. Rows that `exclusions` name are skipped. Unreadable rows are an error, or with `skip_bad`
/// left out and listed.
pub fn list(path: &Path, skip_bad: bool, exclusions: &mut Exclusions) -> Result<Listing> {
    let Table { splits, side, bad, numbers, .. } = read(path, skip_bad, exclusions)?;
    let mut notes = Vec::new();
    let classes = match numbers {
        Some(numbers) => numbers,
        None => {
            let emotions = emotions(&splits[..2]).with_context(|| format!("{path:?}"))?;
            if emotions.len() != EMOTIONS.len() {
                notes.push(format!(
                    "FER2013 has 7 emotions, this table has {}: its classes are named by their numbers.",
                    emotions.len()
                ));
            }
            emotions
        }
    };
    let unknown = splits[2].labels.iter().find(|&&label| label as usize >= classes.len());
    let unread_test = unknown.map(|label| format!("Its rows have the emotion {label}, which no other row has"));
    let [train, val, test] = splits.map(|rows| rows.into_samples(path, side));
    let train = train.with_context(|| format!("{path:?} holds no row of Usage Training"))?;
    let mut listing = Listing { val, test, notes, bad, ..Listing::of(classes, train) };
    if let Some(reason) = unread_test {
        listing.leave_test_out(reason);
    }
    Ok(listing)
}

/// Lists the rows of the split `name` alone, in the place of train, if the table has no rows to train on. All rows of a
/// table without Usage count as test. None if there are rows to train on. `known` are the classes of a model.
pub fn list_single(
    path: &Path,
    name: SplitName,
    known: &[String],
    skip_bad: bool,
    exclusions: &mut Exclusions,
) -> Result<Option<Listing>> {
    let Table { splits: [train, val, test], side, bad, has_usage, numbers } = read(path, skip_bad, exclusions)?;
    let uses_all = !has_usage && name == SplitName::Test;
    let rows = match name {
        _ if uses_all => train,
        _ if !train.labels.is_empty() => return Ok(None),
        SplitName::Train => return Ok(None),
        SplitName::Val => val,
        SplitName::Test => test,
    };
    if let Some((label, line)) = rows.labels.iter().zip(&rows.lines).find(|(label, _)| **label >= MOST_CLASSES) {
        bail!("{path:?}, line {line} has the emotion {label}; the numbers of classes must be below {MOST_CLASSES}");
    }
    let n = rows.labels.iter().max().map_or(0, |&label| label as usize + 1);
    let is_fer = n <= EMOTIONS.len() && EMOTIONS.iter().all(|emotion| known.iter().any(|class| class == emotion));
    let classes = numbers
        .unwrap_or_else(|| (0..n).map(|i| if is_fer { EMOTIONS[i].to_owned() } else { i.to_string() }).collect());
    let train = rows.into_samples(path, side).with_context(|| format!("{path:?} holds no row of {name}"))?;
    let mut notes = Vec::new();
    if uses_all {
        notes.push("The table has no Usage: all of its rows are measured.".to_owned());
    }
    Ok(Some(Listing { notes, bad, ..Listing::of(classes, train) }))
}

/// The rows of a table.
struct Table {
    /// The rows of train, val and test.
    splits: [Rows; 3],
    /// Side of each image in pixels.
    side: u32,
    bad: Vec<BadFile>,
    /// Whether the table has a column for the split.
    has_usage: bool,
    /// The names of the classes, which are numbers, where the labels are not FER2013's.
    numbers: Option<Vec<String>>,
}

fn read(path: &Path, skip_bad: bool, exclusions: &mut Exclusions) -> Result<Table> {
    let file = File::open(path).with_context(|| format!("{path:?} cannot be opened"))?;
    let head = first_line(path)?;
    let mut reader = ReaderBuilder::new().delimiter(separator(&head)).flexible(true).trim(Trim::All).from_reader(file);
    let columns = Columns::find(reader.byte_headers().with_context(|| format!("{path:?} cannot be read"))?)
        .with_context(|| format!("the first line of {path:?}"))?;

    let before = uncounted_lines(&head);
    let mut by_side: BTreeMap<u32, [Rows; 3]> = BTreeMap::new();
    let mut bad = Vec::new();
    let mut record = ByteRecord::new();
    while reader.read_byte_record(&mut record).with_context(|| format!("{path:?} cannot be read"))? {
        let line = record.position().map_or(0, csv::Position::line) + before;
        if exclusions.take(&line_key(line)) {
            continue;
        }
        match columns.read(&record) {
            Ok(row) => {
                let rows = &mut by_side.entry(row.side).or_default()[row.split as usize];
                rows.pixels.extend(row.pixels);
                rows.labels.push(row.label);
                rows.lines.push(line);
            }
            Err(error) => bad.push(bad_row(path, line, error.to_string())),
        }
    }
    let side = most_frequent(&by_side);
    let mut splits = side.and_then(|(side, _)| by_side.remove(&side)).unwrap_or_default();
    for (here, rows) in by_side {
        let (side, line_of_side) = side.unwrap_or_default();
        for line in rows.into_iter().flat_map(|rows| rows.lines) {
            let reason = format!("{here}×{here} pixels; line {line_of_side} has {side}×{side}");
            bad.push(bad_row(path, line, reason));
        }
    }
    bad.sort_by_key(|row| row.line);
    ensure!(side.is_some() || !bad.is_empty(), "{path:?} holds no rows below its first line");
    // If no row can be read, the reasons are reported even with `skip_bad`.
    unreadable::tolerate(&bad, &format!("rows of {path:?}"), skip_bad && side.is_some())?;
    let (side, _) = side.context("there is a row")?;
    let numbers = (!columns.are_emotions()).then(|| renumber(&mut splits));
    Ok(Table { splits, side, bad, has_usage: columns.usage.is_some(), numbers })
}

/// The side that most images have, the first one of equals, with its first line.
fn most_frequent(by_side: &BTreeMap<u32, [Rows; 3]>) -> Option<(u32, u64)> {
    let first_line = |splits: &[Rows; 3]| splits.iter().filter_map(|rows| rows.lines.first()).min().copied();
    let sides = by_side.iter().filter_map(|(side, splits)| {
        let count: usize = splits.iter().map(|rows| rows.lines.len()).sum();
        Some((count, first_line(splits)?, *side))
    });
    sides.max_by_key(|(count, line, _)| (*count, std::cmp::Reverse(*line))).map(|(_, line, side)| (side, line))
}

fn bad_row(path: &Path, line: u64, reason: String) -> BadFile {
    BadFile { name: format!("{path:?}, line {line}"), reason, line: Some(line) }
}

/// Rows of one split.
#[derive(Default)]
struct Rows {
    pixels: Vec<u8>,
    labels: Vec<u32>,
    lines: Vec<u64>,
}

impl Rows {
    fn into_samples(self, path: &Path, side: u32) -> Option<Samples> {
        let names = Names::Lines(format!("{path:?}"), self.lines);
        let source = Source::Grey { side, pixels: self.pixels, names };
        (!self.labels.is_empty()).then(|| Samples::all(source, self.labels))
    }
}

/// Names the classes: FER2013's emotions if the labels are 0 to 6, else the numbers themselves.
/// Fails if a number below the largest label is missing: most likely the largest label is a mistake.
fn emotions(splits: &[Rows]) -> Result<Vec<String>> {
    let rows = || splits.iter().flat_map(|rows| rows.labels.iter().copied().zip(rows.lines.iter().copied()));
    let labels: BTreeSet<u32> = rows().map(|(label, _)| label).collect();
    if let Some(gap) = (0..).zip(&labels).find_map(|(expected, &label)| (label > expected).then_some(expected)) {
        let (label, line) = rows().filter(|&(label, _)| label > gap).min_by_key(|&(_, line)| line).unwrap_or_default();
        bail!("line {line} has the emotion {label}, but no row has {gap}; the numbers must run from 0 without a gap");
    }
    let n = labels.len();
    Ok(if n == EMOTIONS.len() { EMOTIONS.map(str::to_owned).to_vec() } else { (0..n).map(|i| i.to_string()).collect() })
}

/// Names the classes by their numbers, of which some may be absent: the labels become indices into the names.
fn renumber(splits: &mut [Rows; 3]) -> Vec<String> {
    let numbers: BTreeSet<u32> = splits.iter().flat_map(|rows| &rows.labels).copied().collect();
    let index: BTreeMap<u32, u32> = numbers.iter().copied().zip(0..).collect();
    splits.iter_mut().flat_map(|rows| &mut rows.labels).for_each(|label| *label = index[label]);
    numbers.iter().map(u32::to_string).collect()
}
