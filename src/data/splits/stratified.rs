//! Stratified random draws: the tenth that becomes val, the fraction of train in use, the halves of val.
//!
//! Each class has its own stream, so that a change of one class does not change the draws of another.

use crate::random::{Purpose, Stream};

/// Draws the positions of train and of val, each in the order of the listing. A tenth of every class (rounded, at least
/// one image) becomes val. A class of one image stays in train.
pub fn tenth(labels: &[u32], classes: usize, data_seed: u64) -> (Vec<u32>, Vec<u32>) {
    let mut train = Vec::new();
    let mut val = Vec::new();
    for positions in shuffled(labels, classes, data_seed, Purpose::Split) {
        let n = positions.len();
        let (first, rest) = positions.split_at(if n < 2 { 0 } else { ((n + 5) / 10).max(1) });
        val.extend(first);
        train.extend(rest);
    }
    train.sort_unstable();
    val.sort_unstable();
    (train, val)
}

/// Draws the positions of the `fraction` (0 < fraction ≤ 1) of every class that is used, rounded, at least one image per
/// class. A larger fraction contains every smaller one.
pub fn fraction(labels: &[u32], classes: usize, fraction: f64, data_seed: u64) -> Vec<u32> {
    let mut used = Vec::new();
    for positions in shuffled(labels, classes, data_seed, Purpose::Fraction) {
        let n = ((positions.len() as f64 * fraction).round() as usize).max(1);
        used.extend(positions.iter().take(n));
    }
    used.sort_unstable();
    used
}

/// Draws two halves: for each image, whether it is in the first half. Every class is split evenly up to one image, and
/// classes of odd size alternate in which half gets the extra image.
pub fn halves(labels: &[u32], classes: usize, data_seed: u64) -> Vec<bool> {
    let mut first = vec![false; labels.len()];
    let mut turn = false;
    for positions in shuffled(labels, classes, data_seed, Purpose::Halves) {
        for position in positions {
            turn = !turn;
            first[position as usize] = turn;
        }
    }
    first
}

/// Shuffles the positions of each class.
pub fn shuffled(labels: &[u32], classes: usize, data_seed: u64, purpose: Purpose) -> Vec<Vec<u32>> {
    let mut by_class = vec![Vec::new(); classes];
    for (position, &label) in labels.iter().enumerate() {
        by_class[label as usize].push(position as u32);
    }
    for (class, positions) in by_class.iter_mut().enumerate() {
        Stream::new(data_seed, purpose, 0, class as u32).shuffle(positions);
    }
    by_class
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::sources::listing::count;

    /// 100 images of class 0, 30 of class 1, 1 of class 2, mixed.
    fn labels() -> Vec<u32> {
        (0..131).map(|i| if i == 77 { 2 } else { u32::from(i % 13 < 3 && i < 130) }).collect()
    }

    fn of(labels: &[u32], positions: &[u32]) -> Vec<usize> {
        count(&positions.iter().map(|&position| labels[position as usize]).collect::<Vec<_>>(), 3)
    }

    #[test]
    fn a_tenth_of_every_class_becomes_val_and_every_image_is_in_one_split() {
        let labels = labels();
        let [big, small, _] = count(&labels, 3)[..] else { panic!("three classes") };
        let (train, val) = tenth(&labels, 3, 0);
        assert_eq!(of(&labels, &val), [(big + 5) / 10, (small + 5) / 10, 0]);
        let mut all = [train.clone(), val.clone()].concat();
        all.sort_unstable();
        assert_eq!(all, (0..131).collect::<Vec<u32>>());
        assert!(train.is_sorted() && val.is_sorted());
        assert_eq!((train, val.clone()), tenth(&labels, 3, 0));
        assert_ne!(val, tenth(&labels, 3, 1).1);
    }

    #[test]
    fn a_larger_fraction_contains_the_smaller_one() {
        let labels = labels();
        let mut smaller = Vec::new();
        for share in [0.001, 0.1, 0.11, 0.5, 0.999, 1.0] {
            let larger = fraction(&labels, 3, share, 0);
            assert!(smaller.iter().all(|position| larger.contains(position)), "{share}");
            assert!(of(&labels, &larger).iter().all(|&n| n >= 1), "{share}");
            smaller = larger;
        }
        assert_eq!(smaller.len(), 131);
        let counts = count(&labels, 3);
        let tenth = of(&labels, &fraction(&labels, 3, 0.1, 0));
        assert_eq!(tenth[..2], [counts[0], counts[1]].map(|n| (n as f64 / 10.0).round() as usize));
    }

    #[test]
    fn every_class_is_split_evenly() {
        let labels = labels();
        let first = halves(&labels, 3, 0);
        let positions: Vec<u32> = (0..131).filter(|&position| first[position as usize]).collect();
        for (half, whole) in of(&labels, &positions).into_iter().zip(count(&labels, 3)) {
            assert!(half == whole / 2 || half == whole.div_ceil(2), "{half} of {whole}");
        }
        assert!(positions.len() == 65 || positions.len() == 66);
        assert_ne!(first, halves(&labels, 3, 1));
    }
}
