//! Pairs of perceptual hashes that differ in a few bits, without comparing all with all.
//!
//! Two hashes that differ in at most [`DISTANCE`] bits agree in all bits of at least one of `DISTANCE + 1` bands
//! (pigeonhole principle), so only hashes that share a band are compared.

use std::collections::BTreeMap;

/// Bits in which near duplicates differ at most. Of FER2013's 1,076 such pairs 120 were drawn at random and looked at in
/// small: each seemed to show one photograph twice. At 6 bits 6 of 48 looked like strangers.
pub const DISTANCE: u32 = 4;

const BANDS: u32 = DISTANCE + 1;
/// Bits of a band; the last one is shorter.
const WIDTH: u32 = u64::BITS.div_ceil(BANDS);

/// Two images that look alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pair {
    /// Bits in which their hashes differ.
    pub distance: u32,
    /// One image.
    pub a: u32,
    /// The other one, of a larger number.
    pub b: u32,
}

/// Pairs that look alike.
#[derive(Debug, Default)]
pub struct Near {
    /// How many there are.
    pub count: usize,
    /// The closest of them, as many as were asked for.
    pub pairs: Vec<Pair>,
}

/// The pairs among `images`, each its number and hash; at most `limit` of them are listed.
pub fn near(images: &[(u32, u64)], limit: usize) -> Near {
    let mut found = ImageFile { limit, count: 0, by_distance: Default::default() };
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
                    // A pair that shares several bands is counted in the first.
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
    Near { count: found.count, pairs }
}

fn bits(hash: u64, band: u32) -> u64 {
    hash >> (band * WIDTH) & ((1 << WIDTH) - 1)
}

/// All pairs are counted; of each distance only as many are kept as may be listed.
struct ImageFile {
    limit: usize,
    count: usize,
    by_distance: [Vec<Pair>; DISTANCE as usize + 1],
}

impl ImageFile {
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
        let room = self.limit.saturating_sub(kept.len());
        kept.extend(pairs.take(room).map(|(a, b)| Pair { distance, a: a.min(b), b: a.max(b) }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};

    #[test]
    fn every_near_pair_is_found_once() {
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
