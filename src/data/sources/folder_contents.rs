//! What a folder holds, seen without reading any image.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use walkdir::{DirEntry, WalkDir};

/// The extensions of image files, in upper or lower case: torchvision's `IMG_EXTENSIONS`, and GIF.
pub const EXTENSIONS: [&str; 10] = ["jpg", "jpeg", "png", "ppm", "bmp", "pgm", "tif", "tiff", "webp", "gif"];

/// Folders that programs leave behind. Those of macOS and of Synology hold files that look like the images.
const LEFT_BEHIND: [&str; 2] = ["__MACOSX", "@eaDir"];

/// What a folder holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Folders, perhaps with images in them.
    Folders,
    /// Images, and no folder with an image.
    Images,
    Nothing,
}

impl Content {
    /// That of `folder`.
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

pub fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| {
        name.as_encoded_bytes().starts_with(b".") || LEFT_BEHIND.iter().any(|left_behind| name == *left_behind)
    })
}

pub fn has_image_extension(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default();
    EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known))
}

/// Whether an image stands in `folder` at any depth.
pub fn holds_image(folder: &Path) -> bool {
    let is_visible = |entry: &DirEntry| entry.depth() == 0 || !is_hidden(entry.path());
    let walk = WalkDir::new(folder).follow_links(true).into_iter().filter_entry(is_visible);
    walk.filter_map(Result::ok).any(|entry| !entry.file_type().is_dir() && has_image_extension(entry.path()))
}

/// The visible folders in `folder`, sorted, and the visible files. Links count as what they lead to.
pub fn visible(folder: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let (mut folders, mut files) = (Vec::new(), Vec::new());
    for path in entries(folder)? {
        let path = path?;
        if !is_hidden(&path) {
            if path.is_dir() { &mut folders } else { &mut files }.push(path);
        }
    }
    folders.sort();
    Ok((folders, files))
}

/// The visible folders in `folder`, sorted; none where an image stands beside them, which ends the look at once.
pub fn folders_alone(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for path in entries(folder)? {
        let path = path?;
        if is_hidden(&path) {
        } else if path.is_dir() {
            folders.push(path);
        } else if has_image_extension(&path) {
            return Ok(Vec::new());
        }
    }
    folders.sort();
    Ok(folders)
}

/// The names of the folders with images in `folder`, sorted; none where an image stands beside them.
pub fn class_names(folder: &Path) -> Result<Vec<String>> {
    let with_images = folders_alone(folder)?.into_iter().filter(|folder| holds_image(folder));
    Ok(with_images.map(|folder| folder.file_name().unwrap_or_default().to_string_lossy().into_owned()).collect())
}

/// The paths of what is in `folder`.
pub fn entries(folder: &Path) -> Result<impl Iterator<Item = Result<PathBuf>>> {
    let failure = |folder: &Path| format!("the folder {folder:?} cannot be read");
    let entries = fs::read_dir(folder).with_context(|| failure(folder))?;
    let folder = folder.to_owned();
    Ok(entries.map(move |entry| Ok(entry.with_context(|| failure(&folder))?.path())))
}
