//! A folder of image files at any depth, whose labels are in a table: `file,label[,split][,group]`.
//!
//! `columns` finds the columns by their names. A file is named by its path below the folder, its path from the root or from the
//! table's own folder or, where that is enough, by the name of the file, with or without its extension. Classes are the sorted labels; numbers are sorted as such. What
//! the folders are called means nothing.

mod columns;
mod notes;

use std::{
    collections::{BTreeSet, HashMap},
    mem,
    path::{Component, Path, PathBuf},
    sync::{Arc, atomic::AtomicU64},
};

use anyhow::{Context, Result, ensure};

use super::{
    csv_rows::{CsvRow, CsvRows, is_absent},
    exclude::{self, Exclusions},
    groups,
    image_files::images_below,
    listing::{Listing, Samples},
    name_index::{NameIndex, NotFound},
    source::{Source, file_key},
    unreadable::{self, BadFile},
};
use crate::data::{options::Options, splits::split_name::SplitName};
use columns::{Columns, split_of};

/// Labels that are different for all images from which on they are no classes.
const ALL_APART: usize = 6;

/// Lists the images in `root` with the labels in the table `file` that the selection names.
/// Fails if the table cannot be used, or names no image of train; a file has no row, or rows of two labels, splits or
/// groups; with `skip_bad` unset also where a row names a file that is not there, or has no label.
pub fn list(root: &Path, file: &Path, options: &Options, exclusions: &mut Exclusions) -> Result<Listing> {
    let mut table = Labelled::read(root, file, options, exclusions)?;
    let [train, val, test] = mem::take(&mut table.splits);
    ensure!(!train.is_empty(), "{}: no row is of the split train", table.option);
    let classes = classes(train.iter().chain(&val));
    ensure!(
        classes.len() < train.len() + val.len() || classes.len() < ALL_APART,
        "{}: every image has a label of its own, so that there is nothing to learn; another column may hold the classes \
         (`options.selection.label_column`)",
        table.option
    );
    let unknown: BTreeSet<&String> =
        test.iter().map(|image| &image.label).filter(|label| !classes.contains(label)).collect();
    if unknown.is_empty() {
        return Ok(table.into_listing(classes, [train, val, test]));
    }
    let reason = format!("It holds labels that train lacks: {}", unreadable::quoted(unknown.iter()));
    let mut listing = table.into_listing(classes, [train, val, Vec::new()]);
    listing.leave_test_out(reason);
    Ok(listing)
}

/// Lists the split called `name` alone, in the place of train, if the table has no rows of train. A table without splits
/// counts as test. None if there are rows to train on.
/// Fails if there is no such split, or [`list`] fails.
pub fn list_single(
    root: &Path,
    file: &Path,
    name: SplitName,
    options: &Options,
    exclusions: &mut Exclusions,
) -> Result<Option<Listing>> {
    let mut table = Labelled::read(root, file, options, exclusions)?;
    let [train, val, test] = mem::take(&mut table.splits);
    let images = match name {
        SplitName::Test if !table.has_splits => {
            table.notes.push("The table of labels names no splits: all of its images are measured.".to_owned());
            train
        }
        _ if !train.is_empty() => return Ok(None),
        SplitName::Train => return Ok(None),
        SplitName::Val => val,
        SplitName::Test => test,
    };
    ensure!(!images.is_empty(), "{}: no row is of the split {name}", table.option);
    let classes = classes(images.iter());
    Ok(Some(table.into_listing(classes, [images, Vec::new(), Vec::new()])))
}

/// An image file with its row.
struct Image {
    path: PathBuf,
    label: String,
    group: Option<String>,
}

/// The images of a folder with their rows.
struct Labelled {
    option: String,
    /// The images of train, val and test, in the order of their paths. Without a column of splits all are train's.
    splits: [Vec<Image>; 3],
    has_splits: bool,
    has_groups: bool,
    notes: Vec<String>,
    bad: Vec<BadFile>,
}

impl Labelled {
    fn read(root: &Path, file: &Path, options: &Options, exclusions: &mut Exclusions) -> Result<Self> {
        let inside = root.join(file);
        ensure!(
            file.exists() || !inside.is_file(),
            "`options.selection.labels = {}`: there is no such file; the one in the folder of the data is \
             `options.selection.labels = {}`",
            file.display(),
            inside.display()
        );
        let table = CsvRows::read("labels", file)?;
        let columns = Columns::find(&table, options.selection.label_column.as_deref())?;
        let (files, passed_over) = image_files(root)?;
        let keys: Vec<Vec<u8>> = files.iter().map(|path| file_key(path, root)).collect();
        let places = Places { root, table: file };
        let Matched { rows, bad, repeated } = Matched::of(&table, &columns, &places, &keys, exclusions)?;
        ensure!(
            bad.is_empty() || rows.iter().flatten().any(|row| !row.label.is_empty()),
            "{}: no row has the name of an image in {root:?} and a label:\n{}\nA name is a path below that folder, or the end of one.",
            table.option,
            unreadable::lines(bad.iter().map(|file| format!("{}: {}", file.name, file.reason)))
        );
        unreadable::tolerate(&bad, &format!("images in {}", table.option), options.skip_bad)?;

        let with_row = keys.iter().zip(&rows).filter(|(_, row)| row.is_some());
        let labelled: BTreeSet<&[u8]> = with_row.flat_map(|(key, _)| folders_of(key)).collect();
        let is_of_test = |folder: &[u8]| {
            let name = folder.rsplit(|&byte| byte == b'/').next().unwrap_or(folder);
            split_of(&String::from_utf8_lossy(name)) == Some(SplitName::Test)
        };
        let is_unlabelled_test =
            |key: &[u8]| folders_of(key).any(|folder| is_of_test(folder) && !labelled.contains(folder));
        let mut unlabelled = 0;
        let mut without = Vec::new();
        let mut splits: [Vec<Image>; 3] = Default::default();
        for ((path, key), row) in files.into_iter().zip(&keys).zip(rows) {
            match row {
                Some(Row { label, split, group }) if !label.is_empty() => {
                    splits[split as usize].push(Image { path, label, group });
                }
                Some(_) => {}
                None if exclusions.take(key) => {}
                None if is_unlabelled_test(key) => unlabelled += 1,
                None => without.push(exclude::escape(key)),
            }
        }
        ensure!(
            without.is_empty(),
            "{}: {} image files in {root:?} have no row:\n{}\nAdd their rows, remove them, or list them to be left out \
             (`options.selection.exclude`).",
            table.option,
            without.len(),
            unreadable::lines(without.iter())
        );
        let mut notes = notes::of_columns(&table, &columns, options.selection.groups.is_some());
        let top_folders = labelled.iter().copied().filter(|folder| !folder.contains(&b'/')).collect();
        notes.extend(notes::of_folders(&top_folders, columns.split.is_some()));
        let labels: BTreeSet<&str> = splits.iter().flatten().map(|image| image.label.as_str()).collect();
        notes.extend(notes::of_joined_labels(&labels));
        notes.extend(notes::of_forms(&labels));
        notes.extend(notes::of_fractions(&labels));
        if unlabelled > 0 {
            notes.push(format!("{unlabelled} test images have no row in the table of labels, and were left out."));
        }
        if repeated > 0 {
            notes.push(format!("{repeated} rows of the table of labels repeat others."));
        }
        if passed_over > 0 {
            notes.push(format!(
                "{passed_over} files or folders in {root:?} are hidden or no images, and were left out."
            ));
        }
        let (has_splits, has_groups) = (columns.split.is_some(), columns.group.is_some());
        Ok(Self { option: table.option, splits, has_splits, has_groups, notes, bad })
    }

    /// The listing of train, val and test, whose labels are among `classes`. Empty splits but train are absent.
    fn into_listing(self, classes: Vec<String>, splits: [Vec<Image>; 3]) -> Listing {
        let all_groups: Vec<Option<String>> = splits.iter().flatten().map(|image| image.group.clone()).collect();
        let [train, val, test] = splits.map(|images| samples(images, &classes));
        let present = |samples: Samples| (!samples.ids.is_empty()).then_some(samples);
        let (val, test) = (present(val), present(test));
        let mut listing = Listing { val, test, notes: self.notes, bad: self.bad, ..Listing::of(classes, train) };
        if self.has_groups {
            groups::set(&mut listing, all_groups);
        }
        listing
    }
}

/// Where the images and the table lie.
struct Places<'a> {
    root: &'a Path,
    table: &'a Path,
}

impl Places<'_> {
    /// The file that `name` names from the root or from the table's folder, whose separators may be those of Windows.
    fn file(&self, name: &str) -> Option<PathBuf> {
        let name = if name.contains('/') { name.to_owned() } else { name.replace('\\', "/") };
        std::path::absolute(self.table.parent()?.join(name)).ok()
    }

    /// The path of that file below the folder of the images, also through links to folders.
    fn below(&self, name: &str) -> Option<String> {
        let file = self.file(name)?;
        let root = without_parents(&std::path::absolute(self.root).ok()?);
        if let Ok(below) = without_parents(&file).strip_prefix(root) {
            return Some(below.to_str()?.to_owned());
        }
        let file = file.parent()?.canonicalize().ok()?.join(file.file_name()?);
        Some(file.strip_prefix(self.root.canonicalize().ok()?).ok()?.to_str()?.to_owned())
    }

    /// Why no image of `index` is called `name`.
    fn why_unknown(&self, name: &str, index: &NameIndex) -> String {
        let last = name.rsplit(['/', '\\']).next().unwrap_or(name);
        match self.file(name) {
            Some(file) if file.is_file() => {
                format!("it does not lie in {:?}, or is no image by its extension", self.root)
            }
            _ if last != name && index.knows(last) => format!(
                "there is no such image file, but one called {last:?}: write its path below {:?}, or its name alone",
                self.root
            ),
            _ => "there is no such image file".to_owned(),
        }
    }
}

/// The path without `..`, as it reads.
fn without_parents(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => _ = plain.pop(),
            part => plain.push(part),
        }
    }
    plain
}

/// The folders of a path, from the outermost on: `a` and `a/b` of `a/b/1.png`.
fn folders_of(key: &[u8]) -> impl Iterator<Item = &[u8]> {
    key.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(end, _)| &key[..end])
}

/// The rows of a table, brought to the files that they name.
struct Matched {
    /// The row of each file.
    rows: Vec<Option<Row>>,
    /// Rows without a file, and without a label.
    bad: Vec<BadFile>,
    /// How many rows say the same as an earlier one.
    repeated: usize,
}

impl Matched {
    /// Matches the rows of `table` to the files with these `keys`.
    /// Fails if a row names no split, a name may mean several files, or rows of one file contradict each other.
    fn of(
        table: &CsvRows,
        columns: &Columns,
        places: &Places,
        keys: &[Vec<u8>],
        exclusions: &mut Exclusions,
    ) -> Result<Self> {
        let index = NameIndex::new(keys.to_vec());
        let mut matched = Self { rows: keys.iter().map(|_| None).collect(), bad: Vec::new(), repeated: 0 };
        let (mut missing, mut contradictory) = (NotFound::default(), Vec::new());
        for line in &table.rows {
            let name = line.field(columns.name);
            let row = Row::read(table, columns, line)?;
            // A name that several files have is that of the file in the table's own folder, if there is one.
            let below = if index.knows_one(name) { None } else { places.below(name) };
            let known = below.as_deref().filter(|below| index.knows_one(below)).unwrap_or(name);
            let Some(number) = index.find(known, &mut missing) else { continue };
            match &mut matched.rows[number as usize] {
                Some(before) if *before == row => matched.repeated += 1,
                Some(before) => contradictory.push(format!("{name}: {before} and {row}")),
                place => {
                    if row.label.is_empty() {
                        let name = exclude::escape(&keys[number as usize]);
                        matched.bad.push(BadFile { name, reason: "its row has no label".into(), line: None });
                    }
                    *place = Some(row);
                }
            }
        }
        unreadable::check_none(&contradictory, &table.option, "files have rows that contradict each other")?;
        let missing = missing.without(|name| exclusions.take(name.as_bytes()));
        for name in missing.unknown() {
            let listed = exclude::escape(name.as_bytes());
            matched.bad.push(BadFile { name: listed, reason: places.why_unknown(name, &index), line: None });
        }
        // Unknown names are in `bad` now; what may be meant by the others is not clear.
        missing.without(|_| true).check(&table.option)?;
        matched.bad.retain(|file| !exclude::unescape(file.name.as_bytes()).is_some_and(|key| exclusions.take(&key)));
        Ok(matched)
    }
}

/// What a row says of an image.
#[derive(PartialEq, Eq)]
struct Row {
    label: String,
    split: SplitName,
    group: Option<String>,
}

impl Row {
    fn read(table: &CsvRows, columns: &Columns, row: &CsvRow) -> Result<Self> {
        let split = match columns.split.map(|column| row.field(column)) {
            None => SplitName::Train,
            Some(text) => split_of(text).with_context(|| {
                format!("{}, line {}: the split {text:?} in the column {:?} is none of train, val, test; rename that column if it does not \
                     name splits",
                    table.option,
                    row.line,
                    table.head[columns.split.unwrap_or_default()]
                )
            })?,
        };
        let present = |column: usize| Some(row.field(column)).filter(|field| !is_absent(field)).map(str::to_owned);
        let group = columns.group.and_then(present);
        Ok(Self { label: present(columns.label).unwrap_or_default(), split, group })
    }
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{:?} in {}", self.label, self.split)?;
        self.group.as_ref().map_or(Ok(()), |group| write!(f, ", group {group:?}"))
    }
}

/// The image files below `root`, sorted by their paths as text, and the number of other files.
fn image_files(root: &Path) -> Result<(Vec<PathBuf>, u64)> {
    let passed_over = Arc::new(AtomicU64::new(0));
    let mut files = Vec::new();
    for file in images_below(root, Arc::clone(&passed_over)) {
        if let Some(trouble) = file.trouble {
            return Err(trouble.context(format!("{:?}", file.path)));
        }
        files.push(file.path);
    }
    ensure!(!files.is_empty(), "{root:?} holds no image");
    files.sort_by(|a, b| a.as_os_str().cmp(b.as_os_str()));
    Ok((files, passed_over.load(std::sync::atomic::Ordering::Relaxed)))
}

/// The sorted labels of `images`.
fn classes<'a>(images: impl Iterator<Item = &'a Image>) -> Vec<String> {
    let labels: BTreeSet<&String> = images.map(|image| &image.label).collect();
    let mut classes: Vec<String> = labels.into_iter().cloned().collect();
    let numbers: Option<Vec<i64>> = classes.iter().map(|class| class.parse().ok()).collect();
    if numbers.is_some() {
        classes.sort_by_key(|class| class.parse::<i64>().unwrap_or_default());
    }
    classes
}

/// The samples of one split.
fn samples(images: Vec<Image>, classes: &[String]) -> Samples {
    let numbers: HashMap<&String, u32> = classes.iter().zip(0..).collect();
    let (mut paths, mut labels) = (Vec::new(), Vec::new());
    for image in images {
        labels.push(numbers[&image.label]);
        paths.push(image.path);
    }
    Samples::all(Source::files(paths), labels)
}
