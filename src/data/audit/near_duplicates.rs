//! Finds the pairs of perceptual hashes that differ in a few bits, without comparing every pair.
//!
//! Two hashes that differ in at most [`DISTANCE`] bits agree in all bits of at least one of `DISTANCE + 1` bands
//! (pigeonhole principle), so only hashes that share a band are compared.

use std::collections::BTreeMap;

/// Largest number of differing bits between near-duplicates. A random sample of 120 of FER2013's 1,076 such pairs was
/// inspected by eye: every pair seemed to show one photograph twice. At 6 bits, 6 of 48 pairs seemed to show different
/// people.
pub const DISTANCE: u32 = 4;

const BANDS: u32 = DISTANCE + 1;
/// Bits of a band; the last one is shorter.
const WIDTH: u32 = u64::BITS.div_ceil(BANDS);

/// Two images that are near-duplicates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pair {
    /// Bits in which their hashes differ.
    pub distance: u32,
    /// The number of the first image.
    pub a: u32,
    /// The number of the second image, larger than `a`.
    pub b: u32,
}

/// The near-duplicates of a list of images.
#[derive(Debug, Default)]
pub struct NearDuplicates {
    /// Number of pairs.
    pub count: usize,
    /// The closest pairs, up to the limit that was asked for.
    pub pairs: Vec<Pair>,
}

/// Finds the near-duplicates among `images`, given as (number, hash). All pairs are counted, the closest `limit` are
/// listed.
pub fn near(images: &[(u32, u64)], limit: usize) -> NearDuplicates {
    let mut found = PairCollector { limit, count: 0, by_distance: Default::default() };
    let mut alike: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
    for &(image, hash) in images {
        alike.entry(hash).or_default().push(image);
    }
    alike.values().for_each(|images| found.add_within(images));
    let hashes: Vec<u64> = alike.keys().copied().collect();
    for band in 0..BANDS {
        let mut order: Vec<u64> = hashes.clone();
        order.sort_unstable_by_key(|&hash| (bits(hash, band), hash));
        for bucket in order.chunk_by(|&a, &b| bits(a, band) == bits(b, band)) {
            for (i, &a) in bucket.iter().enumerate() {
                for &b in &bucket[i + 1..] {
                    let distance = (a ^ b).count_ones();
                    // A pair that shares several bands is counted in the first of them only.
                    let is_new = || (0..band).all(|before| bits(a, before) != bits(b, before));
                    if distance <= DISTANCE && is_new() {
                        found.add_between(&alike[&a], &alike[&b], distance);
                    }
                }
            }
        }
    }
    let mut pairs = found.by_distance.concat();
    pairs.sort_unstable();
    pairs.truncate(limit);
    NearDuplicates { count: found.count, pairs }
}

fn bits(hash: u64, band: u32) -> u64 {
    hash >> (band * WIDTH) & ((1 << WIDTH) - 1)
}

/// Counts all pairs and keeps at most `limit` of each distance, which bounds the memory.
struct PairCollector {
    limit: usize,
    count: usize,
    by_distance: [Vec<Pair>; DISTANCE as usize + 1],
}

impl PairCollector {
    fn add_within(&mut self, images: &[u32]) {
        self.count += images.len() * (images.len() - 1) / 2;
        let pairs = images.iter().enumerate().flat_map(|(i, &a)| images[i + 1..].iter().map(move |&b| (a, b)));
        self.keep(pairs, 0);
    }

    fn add_between(&mut self, some: &[u32], others: &[u32], distance: u32) {
        self.count += some.len() * others.len();
        self.keep(some.iter().flat_map(|&a| others.iter().map(move |&b| (a, b))), distance);
    }

    fn keep(&mut self, pairs: impl Iterator<Item = (u32, u32)>, distance: u32) {
        let kept = &mut self.by_distance[distance as usize];
        let wanted = self.limit.saturating_sub(kept.len());
        kept.extend(pairs.take(wanted).map(|(a, b)| Pair { distance, a: a.min(b), b: a.max(b) }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};

    #[test]
    fn every_near_duplicate_pair_is_found_once() {
        let mut draws = Stream::new(0, Purpose::Faces, 0, 0);
        let mut images: Vec<(u32, u64)> = Vec::new();
        for number in 0..600 {
            // Two of three differ from an earlier one in up to seven bits.
            let hash = match number % 3 {
                0 => draws.next_u64(),
                _ => (0..draws.below(8)).fold(images[draws.below(number) as usize].1, |h, _| h ^ 1 << draws.below(64)),
            };
            images.push((number, hash));
        }
        let mut expected = Vec::new();
        for &(a, of_a) in &images {
            for &(b, of_b) in images.iter().filter(|(b, _)| *b > a) {
                let distance = (of_a ^ of_b).count_ones();
                expected.extend((distance <= DISTANCE).then_some(Pair { distance, a, b }));
            }
        }
        expected.sort();
        assert!(expected.len() > 200, "{}", expected.len());
        let all = near(&images, usize::MAX);
        assert_eq!((all.count, all.pairs), (expected.len(), expected.clone()));
        let some = near(&images, 10);
        assert_eq!((some.count, some.pairs.len()), (expected.len(), 10));
        assert!(some.pairs.iter().zip(&expected).all(|(pair, closest)| pair.distance == closest.distance));
    }

    #[test]
    fn a_hundred_thousand_images_of_one_hash_are_counted_without_a_list_of_them() {
        let images: Vec<(u32, u64)> = (0..100_000).map(|number| (number, 7)).collect();
        let found = near(&images, 5);
        assert_eq!((found.count, found.pairs.len()), (4_999_950_000, 5));
    }
}
