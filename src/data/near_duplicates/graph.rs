//! The pairs as a graph of images.

use std::collections::{BTreeMap, BTreeSet};

/// For each image of the pairs `found`, those that it is in a pair with.
pub fn partners(found: &BTreeMap<(u32, u32), f32>) -> BTreeMap<u32, Vec<u32>> {
    let mut partners: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for &(a, b) in found.keys() {
        partners.entry(a).or_default().push(b);
        partners.entry(b).or_default().push(a);
    }
    partners
}

/// The images that are connected by pairs, group by group, each sorted.
pub fn groups(found: &BTreeMap<(u32, u32), f32>) -> Vec<Vec<u32>> {
    let partners = partners(found);
    let mut groups = Vec::new();
    let mut seen = BTreeSet::new();
    for &first in partners.keys() {
        if !seen.insert(first) {
            continue;
        }
        let mut group = vec![first];
        let mut next = 0;
        while let Some(image) = group.get(next).copied() {
            group.extend(partners[&image].iter().filter(|&&other| seen.insert(other)));
            next += 1;
        }
        group.sort_unstable();
        groups.push(group);
    }
    groups
}
