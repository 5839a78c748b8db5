//! Equal pictures within train: what a network can only learn by heart, or cannot learn at all.

use std::collections::HashMap;

use super::probe::LabelledHashes;

/// How many training images repeat others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrainDuplicates {
    /// Images beyond the first of each group of equal decoded pixels.
    pub surplus: usize,
    /// Groups of equal pixels under more than one label.
    pub conflicting: usize,
}

pub fn count(train: LabelledHashes) -> TrainDuplicates {
    // The first label of each picture, and whether another one followed.
    let mut seen: HashMap<u128, (u32, bool)> = HashMap::new();
    let mut copies = TrainDuplicates::default();
    for (&hash, &label) in train.hashes.iter().zip(train.labels) {
        match seen.get_mut(&hash) {
            None => drop(seen.insert(hash, (label, false))),
            Some((first, conflict)) => {
                copies.surplus += 1;
                if *first != label && !*conflict {
                    *conflict = true;
                    copies.conflicting += 1;
                }
            }
        }
    }
    copies
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_counts_its_surplus_and_one_conflict() {
        let train = LabelledHashes { hashes: &[7, 8, 7, 7, 9, 8], labels: &[0, 1, 1, 2, 0, 1] };
        assert_eq!(count(train), TrainDuplicates { surplus: 3, conflicting: 1 });
        assert_eq!(count(LabelledHashes { hashes: &[1, 2], labels: &[0, 0] }), TrainDuplicates::default());
    }
}
