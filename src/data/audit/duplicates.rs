//! Groups images by equal decoded pixels: the basis of duplicates, leaks and conflicting labels.

use std::collections::HashMap;

use super::{SplitName, examine::ExaminedImage};

/// The numbers of at least two images whose decoded pixels are equal, ascending.
pub struct DuplicateGroup(Vec<u32>);

/// Groups `images` by equal pixels. The groups are sorted by their first image.
pub fn groups(images: &[ExaminedImage]) -> Vec<DuplicateGroup> {
    let mut by_hash: HashMap<u128, Vec<u32>> = HashMap::new();
    for (number, image) in (0..).zip(images) {
        by_hash.entry(image.properties.hash).or_default().push(number);
    }
    let mut groups: Vec<DuplicateGroup> =
        by_hash.into_values().filter(|group| group.len() > 1).map(DuplicateGroup).collect();
    groups.sort_unstable_by_key(|group| group.0[0]);
    groups
}

impl DuplicateGroup {
    /// All members.
    pub fn all(&self) -> &[u32] {
        &self.0
    }

    /// The members in `split`.
    pub fn within(&self, images: &[ExaminedImage], split: SplitName) -> Vec<u32> {
        self.0.iter().copied().filter(|&number| images[number as usize].split == split).collect()
    }
}

/// Whether `members` carry at least two different labels.
pub fn disagree(images: &[ExaminedImage], members: &[u32]) -> bool {
    members.windows(2).any(|pair| images[pair[0] as usize].label != images[pair[1] as usize].label)
}
