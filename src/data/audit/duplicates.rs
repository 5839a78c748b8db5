//! Groups images by equal decoded pixels: the basis of duplicates, leaks and conflicting labels.

use std::collections::HashMap;

use super::{SplitName, examine::ExaminedImage};

/// Groups the numbers of `images` by equal decoded pixels: at least two in a group, ascending. The groups are sorted by their
/// first image.
pub fn groups(images: &[ExaminedImage]) -> Vec<Vec<u32>> {
    let mut by_hash: HashMap<u128, Vec<u32>> = HashMap::new();
    for (number, image) in (0..).zip(images) {
        by_hash.entry(image.properties.hash).or_default().push(number);
    }
    let mut groups: Vec<Vec<u32>> = by_hash.into_values().filter(|group| group.len() > 1).collect();
    groups.sort_unstable_by_key(|group| group[0]);
    groups
}

/// The members of `group` in `split`.
pub fn within(group: &[u32], images: &[ExaminedImage], split: SplitName) -> Vec<u32> {
    group.iter().copied().filter(|&number| images[number as usize].split == split).collect()
}

/// Whether `members` carry at least two different labels.
pub fn disagree(images: &[ExaminedImage], members: &[u32]) -> bool {
    members.windows(2).any(|pair| images[pair[0] as usize].label != images[pair[1] as usize].label)
}
