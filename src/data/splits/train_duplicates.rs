//! Counts the equal images within train. A network can only memorise duplicates, and cannot fit conflicting labels at all.

use std::collections::HashMap;

use super::probe::LabelledHashes;

/// Number of duplicates in train.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrainDuplicates {
    /// Number of images beyond the first of each group of equal decoded pixels.
    pub surplus: usize,
    /// Number of groups of equal pixels with more than one label.
    pub conflicting: usize,
}

/// Counts the duplicates in `train`.
pub fn count(train: LabelledHashes) -> TrainDuplicates {
    // For each hash, the first label and whether a different label followed.
    let mut seen: HashMap<u128, (u32, bool)> = HashMap::new();
    let mut duplicates = TrainDuplicates::default();
    for (&hash, &label) in train.hashes.iter().zip(train.labels) {
        match seen.get_mut(&hash) {
            None => drop(seen.insert(hash, (label, false))),
            Some((first, conflict)) => {
                duplicates.surplus += 1;
                if *first != label && !*conflict {
                    *conflict = true;
                    duplicates.conflicting += 1;
                }
            }
        }
    }
    duplicates
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_counts_its_surplus_and_one_conflict() {
        let train = LabelledHashes { hashes: &[7, 8, 7, 7, 9, 8], labels: &[0, 1, 1, 2, 0, 1], groups: None };
        assert_eq!(count(train), TrainDuplicates { surplus: 3, conflicting: 1 });
        assert_eq!(
            count(LabelledHashes { hashes: &[1, 2], labels: &[0, 0], groups: None }),
            TrainDuplicates::default()
        );
    }
}
