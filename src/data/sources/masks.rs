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
    let (images, others): (Vec<&str>, Vec<&str>) = names.partition(|name| is_of_images(name));
    !images.is_empty() && !others.is_empty() && others.into_iter().all(is_of_masks)
}

/// Removes the names of folders of masks, which are left out, where there is one of images beside them.
pub fn retain_images(names: &mut Vec<String>) {
    if names.iter().any(|name| is_of_images(name)) {
        names.retain(|name| !is_of_masks(name));
    }
}

/// Whether `folder` is one of masks, beside one of images.
pub fn is_folder(folder: &Path) -> bool {
    let beside = || folder.parent().and_then(|parent| parent.read_dir().ok()).into_iter().flatten().flatten();
    folder.file_name().is_some_and(|name| is_of_masks(&name.to_string_lossy()))
        && beside().any(|entry| is_of_images(&entry.file_name().to_string_lossy()))
}

fn is_of_images(name: &str) -> bool {
    IMAGES.iter().any(|known| name.eq_ignore_ascii_case(known))
}

fn is_of_masks(name: &str) -> bool {
    MASKS.iter().any(|known| name.eq_ignore_ascii_case(known))
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
