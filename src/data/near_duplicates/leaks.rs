//! Near leaks: images outside of train that have a near-duplicate in it.

use std::collections::{HashMap, HashSet};

use super::Pair;

/// For each image, whether it is a near leak: it is not in train, no image of train equals it, and one is a near-duplicate.
///
/// `hashes` are those of all images, the first `train` of which are in train; `pairs` those that [`find`](super::find)
/// found among them.
pub fn near_leaks(hashes: &[u128], train: usize, pairs: &[Pair]) -> Vec<bool> {
    let mut first: HashMap<u128, u32> = HashMap::new();
    for (number, &hash) in (0..).zip(hashes) {
        first.entry(hash).or_insert(number);
    }
    // The first of equal images is in train if any is.
    let is_in_train = |number: u32| (number as usize) < train;
    let crossing = pairs.iter().filter(|pair| is_in_train(pair.a) && !is_in_train(pair.b));
    let near_train: HashSet<u32> = crossing.map(|pair| pair.b).collect();
    hashes.iter().map(|hash| near_train.contains(&first[hash])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_leak_has_a_near_duplicate_but_no_equal_image_in_train() {
        let hashes = [10, 11, 12, 11, 13, 14, 13, 15];
        let pair = |a, b| Pair { a, b, residual: 0.0 };
        // Images 0 to 2 are train. 4 and its copy 6 resemble 2, 5 resembles 4 alone, 3 equals 1, which resembles 0.
        let leaks = near_leaks(&hashes, 3, &[pair(0, 1), pair(2, 4), pair(4, 5)]);
        assert_eq!(leaks, [false, false, false, false, true, false, true, false]);
    }
}
