//! A folder of class folders, read as torchvision's `ImageFolder` reads it.
//!
//! Classes are the sorted names of the folders; their images are those whose extension is torchvision's, at any depth,
//! in torchvision's order; links are followed. What differs, on purpose: hidden files and folders (`._face.jpg`,
//! `.ipynb_checkpoints`) are no images and no classes, a folder that links back to itself is an error instead of an
//! endless walk, and everything left out is told.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};
use walkdir::WalkDir;

use super::{
    bad,
    listing::{Listing, Samples},
    source::Source,
};

/// torchvision's `IMG_EXTENSIONS`; upper and lower case count alike.
const EXTENSIONS: [&str; 9] = ["jpg", "jpeg", "png", "ppm", "bmp", "pgm", "tif", "tiff", "webp"];

/// The splits that `root` holds in `train`, `val` (or `validation`, or `valid`) and `test`, in upper or lower case;
/// class folders that stand in `root` itself are train.
pub(super) fn list(root: &Path) -> Result<Listing> {
    let mut left_out = LeftOut::default();
    let folders = subfolders(root, &mut Vec::new(), &mut LeftOut::default())?;
    let train = the_one(root, &folders, &["train"])?;
    let val = the_one(root, &folders, &["val", "validation", "valid"])?;
    let test = the_one(root, &folders, &["test"])?;
    let Some(train) = train else {
        if let Some(split) = val.or(test) {
            bail!("{root:?} holds {split:?} but no train folder beside it");
        }
        return assemble(scan(root, &mut left_out)?, None, None, left_out);
    };
    let mut beside = Vec::new();
    subfolders(root, &mut beside, &mut left_out)?;
    let splits = [Some(train), val, test];
    left_out.beside = folders.iter().filter(|folder| !splits.contains(&Some(folder))).cloned().chain(beside).collect();
    let train = scan(train, &mut left_out)?;
    let val = val.map(|folder| scan(folder, &mut left_out)).transpose()?;
    let test = test.map(|folder| scan(folder, &mut left_out)).transpose()?;
    assemble(train, val, test, left_out)
}

/// A split's classes by name, sorted, with their images.
type Classes = Vec<(String, Vec<PathBuf>)>;

/// What stands in the folders and is not read.
#[derive(Default)]
struct LeftOut {
    /// Folders and files beside the splits.
    beside: Vec<PathBuf>,
    hidden: Vec<PathBuf>,
    no_images: Vec<PathBuf>,
}

impl LeftOut {
    fn notes(self) -> impl Iterator<Item = String> {
        let kinds = [
            (self.beside, "standing beside the split folders were left out"),
            (self.hidden, "hidden (their names begin with a dot) were left out"),
            (
                self.no_images,
                "that are no images by their extension, or stand outside the class folders, were left out",
            ),
        ];
        kinds.into_iter().filter(|(paths, _)| !paths.is_empty()).map(|(mut paths, what)| {
            paths.sort();
            let names = bad::in_line(paths.iter().map(|path| format!("{path:?}")));
            format!("{} files or folders {what}: {names}.", paths.len())
        })
    }
}

/// The folder of `folders` with one of `names`, in any case; an error if there are two.
fn the_one<'a>(root: &Path, folders: &'a [PathBuf], names: &[&str]) -> Result<Option<&'a PathBuf>> {
    let called = |folder: &&PathBuf| {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        names.contains(&name.as_str())
    };
    let found: Vec<&PathBuf> = folders.iter().filter(called).collect();
    ensure!(found.len() <= 1, "{root:?} holds {} folders for one split: {found:?}; keep one", found.len());
    Ok(found.first().copied())
}

/// The folders in `folder`, links to folders among them, sorted by name. Other visible entries go to `files`.
fn subfolders(folder: &Path, files: &mut Vec<PathBuf>, left_out: &mut LeftOut) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("the folder {folder:?} cannot be read"))?;
    let mut folders = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("the folder {folder:?} cannot be read"))?.path();
        if is_hidden(&path) {
            left_out.hidden.push(path);
        } else if path.is_dir() {
            folders.push(path);
        } else {
            files.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}

/// The classes in the folder of one split.
fn scan(folder: &Path, left_out: &mut LeftOut) -> Result<Classes> {
    let mut outside = Vec::new();
    let folders = subfolders(folder, &mut outside, left_out)?;
    left_out.no_images.extend(outside);
    ensure!(
        !folders.is_empty(),
        "{folder:?} holds no class folders; images belong in {}",
        Path::new("CLASS").join("IMAGE").display()
    );
    let mut classes = Vec::new();
    let mut empty = Vec::new();
    for class in folders {
        let Some(name) = class.file_name().and_then(|name| name.to_str()).map(str::to_owned) else {
            bail!("the name of the class folder {class:?} is not UTF-8; rename it");
        };
        let images = images(&class, left_out)?;
        if images.is_empty() {
            empty.push(format!("{class:?}"));
        }
        classes.push((name, images));
    }
    ensure!(
        empty.is_empty(),
        "these class folders hold no image ({}):\n{}\nFill or remove them.",
        EXTENSIONS.join(", "),
        bad::lines(empty.iter())
    );
    Ok(classes)
}

/// The images under the folder of one class: folder after folder in the order of their paths, files by name within
/// each.
fn images(class: &Path, left_out: &mut LeftOut) -> Result<Vec<PathBuf>> {
    let mut images = Vec::new();
    let mut walk = WalkDir::new(class).follow_links(true).min_depth(1).into_iter();
    while let Some(entry) = walk.next() {
        let (path, is_folder) = match entry {
            Ok(entry) => (entry.path().to_owned(), entry.file_type().is_dir()),
            Err(error) => match (error.loop_ancestor(), error.path()) {
                (Some(ancestor), Some(path)) => bail!("the link {path:?} leads back to {ancestor:?}, which holds it"),
                // A link that leads nowhere: listed here, and found unreadable when it is decoded.
                (None, Some(path)) if path.is_symlink() => (path.to_owned(), false),
                _ => return Err(error).with_context(|| format!("the folder {class:?} cannot be read")),
            },
        };
        if is_hidden(&path) {
            if is_folder {
                walk.skip_current_dir();
            }
            left_out.hidden.push(path);
        } else if !is_folder {
            if has_image_extension(&path) { &mut images } else { &mut left_out.no_images }.push(path);
        }
    }
    // Compared as text, as Python does it: "a/b-c" < "a/b/c". Path's own order goes by components.
    let text = |path: &Path| path.as_os_str().as_encoded_bytes().to_owned();
    images.sort_by_cached_key(|path| (path.parent().map(text), path.file_name().map(|name| text(Path::new(name)))));
    Ok(images)
}

pub(super) fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

pub(super) fn has_image_extension(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default();
    EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known))
}

/// Labels the images of every split by train's classes.
fn assemble(train: Classes, val: Option<Classes>, test: Option<Classes>, left_out: LeftOut) -> Result<Listing> {
    let classes: Vec<String> = train.iter().map(|(name, _)| name.clone()).collect();
    let samples = |split: Classes, name: &str| -> Result<Samples> {
        let unknown: Vec<String> =
            split.iter().filter(|(class, _)| !classes.contains(class)).map(|(class, _)| format!("{class:?}")).collect();
        ensure!(unknown.is_empty(), "{name} holds classes that train lacks: {}", bad::in_line(unknown.iter()));
        let mut paths = Vec::new();
        let mut labels = Vec::new();
        for (class, images) in split {
            let label = classes.iter().position(|name| *name == class).unwrap_or_default() as u32;
            labels.resize(labels.len() + images.len(), label);
            paths.extend(images);
        }
        Ok(Samples::all(Source::Files(paths), labels))
    };
    Ok(Listing {
        train: samples(train, "train")?,
        val: val.map(|split| samples(split, "val")).transpose()?,
        test: test.map(|split| samples(split, "test")).transpose()?,
        notes: left_out.notes().collect(),
        bad: Vec::new(),
        classes,
    })
}
