//! The probe: the training images on which the training loss of the gap is measured.

use std::collections::HashSet;

use super::stratified;
use crate::{data::sources::listing, random::Purpose};

/// Labels, pixel hashes and groups of one split.
#[derive(Clone, Copy)]
pub struct LabelledHashes<'a> {
    pub labels: &'a [u32],
    pub hashes: &'a [u128],
    /// The group of each image, where there are groups.
    pub groups: Option<&'a [u32]>,
}

/// Draws the positions of the probe in train, ascending: as many images of every class as val has, or all of a class that
/// has fewer. Images whose pixels or group also appear in val are left out, since they would measure the model on val.
pub fn draw(train: LabelledHashes, val: LabelledHashes, classes: usize, data_seed: u64) -> Vec<u32> {
    let in_val = in_val(train, val);
    let mut probe = Vec::new();
    let wanted = listing::count(val.labels, classes);
    for (positions, wanted) in
        stratified::shuffled(train.labels, classes, data_seed, Purpose::Probe).into_iter().zip(wanted)
    {
        let only_in_train = positions.into_iter().filter(|&position| !in_val[position as usize]);
        probe.extend(only_in_train.take(wanted));
    }
    probe.sort_unstable();
    probe
}

/// For each image of train, whether its pixels or its group also appear in val.
pub fn in_val(train: LabelledHashes, val: LabelledHashes) -> Vec<bool> {
    let pixels: HashSet<u128> = val.hashes.iter().copied().collect();
    let groups: HashSet<u32> = val.groups.into_iter().flatten().copied().collect();
    let is_of_group = |position: usize| train.groups.is_some_and(|of_train| groups.contains(&of_train[position]));
    (0..train.hashes.len()).map(|position| is_of_group(position) || pixels.contains(&train.hashes[position])).collect()
}

/// For each of `images`, whether its pixels also appear in train.
pub fn in_train(train: LabelledHashes, images: LabelledHashes) -> Vec<bool> {
    let in_train: HashSet<u128> = train.hashes.iter().copied().collect();
    images.hashes.iter().map(|hash| in_train.contains(hash)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::sources::listing::count;

    #[test]
    fn the_probe_has_vals_class_mix_and_none_of_its_pixels() {
        // Train: 40 images of class 0 and 20 of class 1, every fourth with pixels that appear in val.
        let labels: Vec<u32> = (0..60).map(|i| u32::from(i % 3 == 2)).collect();
        let hashes: Vec<u128> = (0..60).map(|i| if i % 4 == 0 { 1000 + i } else { i }).collect();
        let train = LabelledHashes { labels: &labels, hashes: &hashes, groups: None };
        let val_labels = [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1];
        let val_hashes: Vec<u128> = (0..12).map(|i| 1000 + 4 * i).collect();
        let val = LabelledHashes { labels: &val_labels, hashes: &val_hashes, groups: None };

        let probe = draw(train, val, 2, 0);
        let drawn: Vec<u32> = probe.iter().map(|&position| labels[position as usize]).collect();
        assert_eq!(count(&drawn, 2), [5, 7]);
        assert!(probe.iter().all(|&position| !val_hashes.contains(&hashes[position as usize])));
        assert!(probe.is_sorted());
        assert_eq!(probe, draw(train, val, 2, 0));
        assert_ne!(probe, draw(train, val, 2, 1));
    }

    #[test]
    fn a_class_with_too_few_images_contributes_all_of_them() {
        let train = LabelledHashes { labels: &[0, 0, 0, 1, 1], hashes: &[1, 2, 3, 4, 5], groups: None };
        let val = LabelledHashes { labels: &[0, 1, 1, 1], hashes: &[6, 7, 8, 4], groups: None };
        let probe = draw(train, val, 2, 0);
        assert_eq!(probe.len(), 2);
        assert_eq!(probe[1], 4);
    }

    #[test]
    fn images_of_a_group_of_val_are_left_out() {
        let train = LabelledHashes { labels: &[0; 6], hashes: &[1, 2, 3, 4, 5, 6], groups: Some(&[0, 0, 1, 1, 2, 2]) };
        let val = LabelledHashes { labels: &[0; 6], hashes: &[7, 8, 9, 10, 11, 2], groups: Some(&[1, 1, 3, 3, 3, 3]) };
        assert_eq!(draw(train, val, 1, 0), [0, 4, 5]);
    }
}
