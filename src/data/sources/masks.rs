//! Masks, from which segmentation learns: images of no class that lie where images are expected.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use super::{exclude, source::file_key, unreadable};

/// Names of folders of images, and of their masks.
const IMAGES: [&str; 6] = ["images", "image", "imgs", "img", "jpegimages", "photos"];
const MASKS: [&str; 10] = [
    "masks",
    "mask",
    "labels",
    "label",
    "annotations",
    "segmentations",
    "segmentation",
    "segmentationclass",
    "groundtruth",
    "gt",
];
/// How the names of masks end that lie beside their images, before a number.
const ENDINGS: [&str; 4] = ["_mask", "_seg", "_segmentation", "_gt"];

/// Whether folders of these names are images and their masks.
pub fn are_folders<'a>(names: impl Iterator<Item = &'a str>) -> bool {
    let is_one = |name: &String, known: &[&str]| known.contains(&name.as_str());
    let (images, others): (Vec<String>, Vec<String>) =
        names.map(str::to_lowercase).partition(|name| is_one(name, &IMAGES));
    !images.is_empty() && !others.is_empty() && others.iter().all(|name| is_one(name, &MASKS))
}

/// Whether `folder` is one of masks, beside one of images.
pub fn is_folder(folder: &Path) -> bool {
    let lower = |name: &std::ffi::OsStr| name.to_string_lossy().to_lowercase();
    let is_of_masks = folder.file_name().is_some_and(|name| MASKS.contains(&&*lower(name)));
    let beside = || folder.parent().and_then(|parent| parent.read_dir().ok()).into_iter().flatten().flatten();
    is_of_masks && beside().any(|entry| IMAGES.contains(&&*lower(&entry.file_name())))
}

/// A note where some of `images`, which lie below `root`, are called like masks of others beside them: `a_mask.png` and `a.png`.
pub fn note<'a>(root: &Path, images: impl Iterator<Item = &'a PathBuf> + Clone) -> Option<String> {
    let image_of = |mask: &PathBuf| {
        let stem = mask.file_stem()?.to_str()?.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_');
        ENDINGS.iter().find_map(|ending| Some(mask.with_file_name(stem.strip_suffix(ending)?)))
    };
    let named: Vec<(&PathBuf, PathBuf)> = images.clone().filter_map(|mask| Some((mask, image_of(mask)?))).collect();
    if named.is_empty() {
        return None;
    }
    let stems: HashSet<PathBuf> = images.map(|image| image.with_extension("")).collect();
    let masks = named.iter().filter(|(_, image)| stems.contains(image));
    let masks: Vec<String> = masks.map(|(mask, _)| exclude::escape(&file_key(mask, root))).collect();
    (!masks.is_empty()).then(|| {
        format!(
            "{} images are called like masks of others, and count as images: {}. A list for `options.selection.exclude` leaves them out.",
            masks.len(),
            unreadable::quoted(masks.iter())
        )
    })
}
