//! The contents of a folder: subfolders, image files by their extension, hidden entries. No image is opened.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use walkdir::{DirEntry, WalkDir};

/// Extensions of image files, in upper or lower case: torchvision's `IMG_EXTENSIONS`, GIF, and other names of JPEG and PNM files.
pub const EXTENSIONS: [&str; 15] =
    ["jpg", "jpeg", "jpe", "jfif", "jif", "png", "ppm", "pgm", "pbm", "pnm", "bmp", "tif", "tiff", "webp", "gif"];

/// Folders that macOS and Synology create. They contain files named like the images beside them.
const LEFT_BEHIND: [&str; 2] = ["__MACOSX", "@eaDir"];

/// The kind of contents of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Folders, with or without images.
    Folders,
    /// Images, and no folder that contains an image.
    Images,
    Nothing,
}

impl Content {
    /// The contents of `folder`.
    pub fn of(folder: &Path) -> Result<Self> {
        let (folders, files) = visible(folder)?;
        Ok(if folders.iter().any(|folder| holds_image(folder)) {
            Self::Folders
        } else if files.iter().any(|file| has_image_extension(file)) {
            Self::Images
        } else if folders.is_empty() {
            Self::Nothing
        } else {
            Self::Folders
        })
    }
}

/// Whether the name begins with a dot or is that of a folder that an operating system creates.
pub fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| {
        name.as_encoded_bytes().starts_with(b".") || LEFT_BEHIND.iter().any(|left_behind| name == *left_behind)
    })
}

/// Whether the extension is one of [`EXTENSIONS`].
pub fn has_image_extension(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default();
    EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known))
}

/// Whether the extension is that of a table of text.
pub fn is_csv(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"))
}

/// Whether `folder` contains an image at any depth.
pub fn holds_image(folder: &Path) -> bool {
    let is_visible = |entry: &DirEntry| entry.depth() == 0 || !is_hidden(entry.path());
    let walk = WalkDir::new(folder).follow_links(true).into_iter().filter_entry(is_visible);
    walk.filter_map(Result::ok).any(|entry| !entry.file_type().is_dir() && has_image_extension(entry.path()))
}

/// Lists the visible folders in `folder`, sorted, and the visible files. A link counts as its target.
pub fn visible(folder: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    listed(folder, &mut Vec::new())
}

/// Lists the visible folders in `folder`, sorted, and the visible files; hidden entries go to `hidden`.
pub fn listed(folder: &Path, hidden: &mut Vec<PathBuf>) -> Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let (mut folders, mut files) = (Vec::new(), Vec::new());
    for path in entries(folder)? {
        let path = path?;
        if is_hidden(&path) {
            hidden.push(path);
        } else if path.is_dir() {
            folders.push(path);
        } else {
            files.push(path);
        }
    }
    folders.sort();
    Ok((folders, files))
}

/// Lists the visible folders in `folder`, sorted; none if an image lies beside them, which ends the scan at once.
pub fn folders_alone(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for path in entries(folder)? {
        let path = path?;
        if is_hidden(&path) {
            continue;
        }
        if path.is_dir() {
            folders.push(path);
        } else if has_image_extension(&path) {
            return Ok(Vec::new());
        }
    }
    folders.sort();
    Ok(folders)
}

/// Lists the names of the folders in `folder` that contain images, sorted; none if an image lies beside them.
pub fn class_names(folder: &Path) -> Result<Vec<String>> {
    let with_images = folders_alone(folder)?.into_iter().filter(|folder| holds_image(folder));
    Ok(with_images.map(|folder| folder.file_name().unwrap_or_default().to_string_lossy().into_owned()).collect())
}

/// Lists the names of the folders in `folder` that contain images, as [`class_names`] does; where there is one alone, and folders with
/// images in it, the names of those, down to `depth`.
pub fn inner_class_names(folder: &Path, depth: usize) -> Result<Vec<String>> {
    let names = class_names(folder)?;
    if let ([only], true) = (&names[..], depth > 1) {
        let inside = inner_class_names(&folder.join(only), depth - 1)?;
        if !inside.is_empty() {
            return Ok(inside);
        }
    }
    Ok(names)
}

/// Lists the paths of all entries in `folder`.
fn entries(folder: &Path) -> Result<impl Iterator<Item = Result<PathBuf>>> {
    let failure = |folder: &Path| format!("the folder {folder:?} cannot be read");
    let entries = fs::read_dir(folder).with_context(|| failure(folder))?;
    let folder = folder.to_owned();
    Ok(entries.map(move |entry| Ok(entry.with_context(|| failure(&folder))?.path())))
}
