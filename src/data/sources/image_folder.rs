//! A folder of class folders, read as torchvision's `ImageFolder` reads it.
//!
//! Classes are the sorted names of the folders. Their images are the files with torchvision's extensions or GIF's, at any
//! depth, in torchvision's order; links are followed. Three differences are deliberate: hidden files and folders
//! (`._face.jpg`, `.ipynb_checkpoints`) are neither images nor classes, a folder that links back to itself is an error
//! instead of an endless walk, and everything left out is reported. `layout` decides which folders are splits.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use walkdir::WalkDir;

use super::{
    files_beside::table_among,
    folder_contents::{EXTENSIONS, has_image_extension, is_csv, is_hidden, listed},
    folder_labels,
    layout::{self, Layout},
    layout_messages,
    listing::{Listing, Samples},
    masks,
    source::Source,
    unreadable,
};
use crate::data::{
    decoding::unsupported_format,
    splits::{split_folders::SplitFolders, split_name::SplitName},
};

/// Lists the splits in `root`, or those that the user names. Class folders directly in `root` are train.
pub fn list(root: &Path, chosen: &SplitFolders) -> Result<Listing> {
    let Layout { train, val, test, apart, is_one_set, lacking, beside, mut notes } = layout::find(root, chosen)?;
    let folder = train.with_context(|| lacking)?;
    let mut left_out = Ignored { beside, ..Ignored::default() };
    if !is_one_set {
        listed(root, &mut left_out.hidden)?;
    }
    let (train, empty) = scan(&folder, &apart, &mut left_out)?;
    ensure!(empty.is_empty(), left_out.empty_classes(&empty));
    let tables = left_out.tables_around(&folder);
    let hint = layout_messages::table_beside(&tables);
    if let [(only, _)] = &train[..] {
        ensure!(hint.is_empty(), "there is one class only ({only:?}); a classifier needs two or more{hint}");
    }
    if chosen.train.is_none() {
        notes.extend(folder_labels::check(root, &tables, &train)?);
    }
    notes.extend(masks::note(root, train.iter().flat_map(|(_, images)| images)));
    let val = val.map(|folder| val_of(&folder, &mut left_out)).transpose()?;
    let mut listing = assemble(train, val, notes).map_err(|error| anyhow!("{error:#}{hint}"))?;
    if let Some(folder) = test {
        let mut beside_test = Ignored::default();
        match test_of(&folder, &listing.classes, &mut beside_test) {
            Ok(classes) => {
                listing.test = Some(samples(classes, &listing.classes));
                left_out.add(beside_test);
            }
            Err(reason) => listing.leave_test_out(format!("{reason:#}")),
        }
    }
    listing.notes.extend(left_out.notes());
    Ok(listing)
}

/// Lists the split called `name` alone, in the place of train, if `root` has no train split. A folder of classes without
/// splits counts as test. Class folders beside a split that the user names do not count as train. None if there is a train
/// split to open with it.
pub fn list_single(root: &Path, chosen: &SplitFolders, name: SplitName) -> Result<Option<Listing>> {
    let Layout { train, val, test, apart, is_one_set, lacking, beside, mut notes } = layout::find(root, chosen)?;
    let split = match name {
        SplitName::Train => return Ok(None),
        SplitName::Val => val,
        SplitName::Test => test,
    };
    let named = if name == SplitName::Val { &chosen.val } else { &chosen.test };
    let folder = match (train, split) {
        // Folders beside a split that the user names do not become train without being asked for.
        (Some(_), Some(folder)) if is_one_set && named.is_some() => folder,
        (Some(root), None) if is_one_set && name == SplitName::Test => {
            notes.push(format!("{root:?} holds classes and no splits: all of its images are measured."));
            root
        }
        (Some(_), _) => return Ok(None),
        (None, split) => split.with_context(|| format!("there is no {name} split: {lacking}"))?,
    };
    let mut left_out = Ignored { beside, ..Ignored::default() };
    let (split, _) = scan(&folder, &apart, &mut left_out)?;
    ensure!(!split.is_empty(), "{folder:?} holds no image in its class folders");
    let mut listing = assemble(split, None, notes)?;
    listing.notes.extend(left_out.notes());
    Ok(Some(listing))
}

/// Lists the classes of val. Empty class folders count as absent.
fn val_of(folder: &Path, left_out: &mut Ignored) -> Result<Classes> {
    let classes = scan(folder, &[], left_out).and_then(|(classes, _)| {
        ensure!(!classes.is_empty(), "{folder:?} holds no image in its class folders");
        Ok(classes)
    });
    classes.context(
        "val cannot be used; to draw it from train instead, remove its folder, or name train alone \
         (`options.selection.folders.train`)",
    )
}

/// Lists the classes of test, whose labels must be classes of train.
fn test_of(folder: &Path, train: &[String], left_out: &mut Ignored) -> Result<Classes> {
    let (classes, _) = scan(folder, &[], left_out)?;
    let unknown: Vec<&String> = classes.iter().map(|(class, _)| class).filter(|class| !train.contains(class)).collect();
    ensure!(
        unknown.is_empty(),
        "{folder:?} holds folders that are no classes of train: {}",
        unreadable::quoted(unknown.iter())
    );
    ensure!(!classes.is_empty(), "{folder:?} holds no image in class folders");
    Ok(classes)
}

/// The classes of a split, sorted by name, each with its images.
type Classes = Vec<(String, Vec<PathBuf>)>;

/// Files and folders that are not read.
#[derive(Default)]
struct Ignored {
    /// Folders and files beside the splits.
    beside: Vec<PathBuf>,
    hidden: Vec<PathBuf>,
    /// Images of formats that are not read, by their extensions.
    unsupported: Vec<PathBuf>,
    /// Folders of masks beside folders of images.
    masks: Vec<PathBuf>,
    no_images: Vec<PathBuf>,
}

impl Ignored {
    fn add(&mut self, other: Self) {
        self.hidden.extend(other.hidden);
        self.unsupported.extend(other.unsupported);
        self.masks.extend(other.masks);
        self.no_images.extend(other.no_images);
    }

    /// The tables among the files that were left out in `folder`, and in the folders around it, sorted.
    fn tables_around(&self, folder: &Path) -> Vec<PathBuf> {
        let files = self.beside.iter().chain(&self.no_images);
        let is_around =
            |file: &&PathBuf| is_csv(file) && file.parent().is_some_and(|parent| folder.starts_with(parent));
        let mut tables: Vec<PathBuf> = files.filter(is_around).cloned().collect();
        tables.sort();
        tables
    }

    /// Explains that the class folders `empty` contain no image that is read.
    fn empty_classes(&self, empty: &[PathBuf]) -> String {
        let labels =
            |folder: &PathBuf| folder.file_name().is_some_and(|name| name == "labels" || name == "annotations");
        let remedy = if !self.unsupported.is_empty() {
            format!(
                "They hold images of formats that are not read; convert them: {}.",
                unreadable::quoted(self.unsupported.iter())
            )
        } else if empty.iter().all(labels) && table_among(&self.no_images).is_none() {
            "This looks like a data set for detection; mindgap classifies whole images: one folder for each class."
                .to_owned()
        } else if let Some(hint) = layout_messages::file_outside(&self.no_images) {
            format!("{hint}. Otherwise fill or remove them.")
        } else {
            "Fill or remove them.".to_owned()
        };
        let known = EXTENSIONS.join(", ");
        let empty = unreadable::lines(empty.iter().map(|folder| format!("{folder:?}")));
        format!("these class folders hold no image ({known}):\n{empty}\n{remedy}")
    }

    fn notes(self) -> impl Iterator<Item = String> {
        let kinds = [
            (self.beside, "beside the split folders were left out"),
            (self.hidden, "hidden (names that begin with a dot, and what macOS leaves behind) were left out"),
            (
                self.unsupported,
                "have the extension of an image format that is not read, and were left out; convert them to JPEG or PNG",
            ),
            (self.masks, "beside folders of images hold masks, and were left out"),
            (self.no_images, "have no image extension, or lie outside the class folders, and were left out"),
        ];
        kinds.into_iter().filter(|(paths, _)| !paths.is_empty()).map(|(mut paths, what)| {
            paths.sort();
            format!("{} files or folders {what}: {}.", paths.len(), unreadable::quoted(paths.iter()))
        })
    }
}

/// Scans the folder of one split: its classes with images, and its empty class folders. Folders in `apart` are not
/// classes.
fn scan(folder: &Path, apart: &[PathBuf], left_out: &mut Ignored) -> Result<(Classes, Vec<PathBuf>)> {
    let (mut folders, outside) = listed(folder, &mut left_out.hidden)?;
    folders.retain(|class| !apart.contains(class));
    let hint = layout_messages::file_outside(&outside).map_or(String::new(), |hint| format!(". {hint}"));
    ensure!(
        !folders.is_empty(),
        "{folder:?} holds no class folders; images belong in {}{hint}",
        Path::new("CLASS").join("IMAGE").display()
    );
    left_out.no_images.extend(outside);
    let (mut classes, mut empty) = (Vec::new(), Vec::new());
    for class in folders {
        let Some(name) = class.file_name().and_then(|name| name.to_str()).map(str::to_owned) else {
            bail!("the name of the class folder {class:?} is not UTF-8; rename it");
        };
        let images = images(&class, left_out)?;
        if images.is_empty() {
            empty.push(class);
        } else {
            classes.push((name, images));
        }
    }
    Ok((classes, empty))
}

/// Lists the images of one class: folders in the order of their paths, and files by name within each.
fn images(class: &Path, left_out: &mut Ignored) -> Result<Vec<PathBuf>> {
    let mut images = Vec::new();
    let mut walk = WalkDir::new(class).follow_links(true).min_depth(1).into_iter();
    while let Some(entry) = walk.next() {
        let (path, is_folder) = match entry {
            Ok(entry) => (entry.path().to_owned(), entry.file_type().is_dir()),
            Err(error) => match (error.loop_ancestor(), error.path()) {
                (Some(ancestor), Some(path)) => bail!("the link {path:?} leads back to {ancestor:?}, which holds it"),
                // A dangling link is listed here; decoding then reports that it cannot be read.
                (None, Some(path)) if path.is_symlink() => (path.to_owned(), false),
                _ => return Err(error).with_context(|| format!("the folder {class:?} cannot be read")),
            },
        };
        if is_hidden(&path) {
            if is_folder {
                walk.skip_current_dir();
            }
            left_out.hidden.push(path);
        } else if is_folder && masks::is_folder(&path) {
            walk.skip_current_dir();
            left_out.masks.push(path);
        } else if !is_folder {
            let is_unsupported = path.extension().is_some_and(unsupported_format::is_image_extension);
            if has_image_extension(&path) {
                &mut images
            } else if is_unsupported {
                &mut left_out.unsupported
            } else {
                &mut left_out.no_images
            }
            .push(path);
        }
    }
    // Paths are compared as text, as in Python: "a/b-c" < "a/b/c". The order of `Path` goes by components.
    let text = |path: &Path| path.as_os_str().as_encoded_bytes().to_owned();
    images.sort_by_cached_key(|path| (path.parent().map(text), path.file_name().map(|name| text(Path::new(name)))));
    Ok(images)
}

/// Labels the images of `split` by the indices of their classes in `classes`.
fn samples(split: Classes, classes: &[String]) -> Samples {
    let (mut paths, mut labels) = (Vec::new(), Vec::new());
    for (class, images) in split {
        let label = classes.iter().position(|name| *name == class).unwrap_or_default() as u32;
        labels.resize(labels.len() + images.len(), label);
        paths.extend(images);
    }
    Samples::all(Source::files(paths), labels)
}

/// Labels the images of train and val by train's classes.
fn assemble(train: Classes, val: Option<Classes>, notes: Vec<String>) -> Result<Listing> {
    let classes: Vec<String> = train.iter().map(|(name, _)| name.clone()).collect();
    let of_val: Vec<&String> = val.iter().flatten().map(|(class, _)| class).collect();
    let unknown: Vec<&&String> = of_val.iter().filter(|class| !classes.contains(class)).collect();
    let hint = match of_val.len() {
        1 => ". If that folder holds images of all classes, sort them into a folder for each class, as in train",
        _ => "",
    };
    ensure!(unknown.is_empty(), "val holds classes that train lacks: {}{hint}", unreadable::quoted(unknown.iter()));
    let val = val.map(|split| samples(split, &classes));
    let train = samples(train, &classes);
    Ok(Listing { val, notes, ..Listing::of(classes, train) })
}
