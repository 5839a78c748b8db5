//! Look-alikes: images of a thing so simple, such as a pair of trousers or the digit 1, that many of them can be registered to one another
//! though none is a copy.
//!
//! Copies of one photograph are near-duplicates of each other, all or most of them. Look-alikes form a chain, in which each resembles
//! the next and few resemble one another.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::{
    graph::groups,
    registration::{RESIDUAL, Reference},
    thumbnail::Thumbnail,
};
use crate::random::{Purpose, Stream};

/// Images of a group from which on it may be a chain.
const LARGE: usize = 12;
/// Pairs of a group that are tested.
const TESTED: u32 = 256;
/// The share of a group's pairs that are near-duplicates, below which it is a chain. Groups of 8 images or more have 0.32 to 1 on FER2013 and 0.67 to 1 on
/// photos of ten classes; a group of 208 digits has 0.09, and the five largest of Fashion-MNIST, of 37 to 289 images, have 0.05 to 0.19.
const CHAINED: f64 = 0.25;

/// The images that are look-alikes, among those of the near-duplicate pairs `found`.
pub fn look_alikes(thumbnails: &[Option<&Thumbnail>], found: &BTreeMap<(u32, u32), f32>) -> BTreeSet<u32> {
    let large: Vec<Vec<u32>> = groups(found).into_iter().filter(|group| group.len() >= LARGE).collect();
    let is_chain = |group: &Vec<u32>| share_of_copies(group, thumbnails, found) < CHAINED;
    large.into_par_iter().filter(is_chain).flatten_iter().collect()
}

/// The share of a group's pairs that are near-duplicates, from a sample.
fn share_of_copies(group: &[u32], thumbnails: &[Option<&Thumbnail>], found: &BTreeMap<(u32, u32), f32>) -> f64 {
    let mut draws = Stream::new(0, Purpose::NearDuplicates, u32::MAX, group[0]);
    let mut copies = 0;
    for _ in 0..TESTED {
        let first = draws.below(group.len() as u32) as usize;
        let second = (first + 1 + draws.below(group.len() as u32 - 1) as usize) % group.len();
        let (a, b) = (group[first.min(second)], group[first.max(second)]);
        copies += u32::from(found.contains_key(&(a, b)) || are_near(thumbnails[a as usize], thumbnails[b as usize]));
    }
    f64::from(copies) / f64::from(TESTED)
}

fn are_near(a: Option<&Thumbnail>, b: Option<&Thumbnail>) -> bool {
    let (Some(a), Some(b)) = (a, b) else { return false };
    let reference = Reference::of(a);
    [false, true].into_iter().any(|is_mirrored| reference.residual(b, is_mirrored) <= RESIDUAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_is_told_from_copies() {
        // Two groups of twenty: in one each resembles the next two, in the other half of all pairs are known.
        let mut found = BTreeMap::new();
        for image in 0..20 {
            for other in (image + 1..20).take(2) {
                found.insert((image, other), 0.05);
            }
            for other in (image + 1..20).step_by(2) {
                found.insert((100 + image, 100 + other), 0.05);
            }
        }
        // Three of a kind are no chain.
        found.extend([((200, 201), 0.05), ((201, 202), 0.05)]);
        assert_eq!(groups(&found).iter().map(Vec::len).collect::<Vec<_>>(), [20, 20, 3]);
        assert_eq!(look_alikes(&[None; 203], &found), (0..20).collect());
    }
}
