//! Masks, from which segmentation learns: images of no class that lie where images are expected.

use std::{collections::HashSet, path::PathBuf};

use super::unreadable;

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

/// A note where some of `images` are called like masks of others beside them: `a_mask.png` and `a.png`.
pub fn note<'a>(images: impl Iterator<Item = &'a PathBuf> + Clone) -> Option<String> {
    let image_of = |mask: &PathBuf| {
        let stem = mask.file_stem()?.to_str()?.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_');
        ENDINGS.iter().find_map(|ending| Some(mask.with_file_name(stem.strip_suffix(ending)?)))
    };
    let named: Vec<(&PathBuf, PathBuf)> = images.clone().filter_map(|mask| Some((mask, image_of(mask)?))).collect();
    if named.is_empty() {
        return None;
    }
    let stems: HashSet<PathBuf> = images.map(|image| image.with_extension("")).collect();
    let masks: Vec<&PathBuf> = named.iter().filter(|(_, image)| stems.contains(image)).map(|(mask, _)| *mask).collect();
    (!masks.is_empty()).then(|| {
        format!(
            "{} images are called like masks of others, and count as images: {}. A list for `options.selection.exclude` leaves them out.",
            masks.len(),
            unreadable::quoted(masks.iter())
        )
    })
}
