//! The folds of a cross-validation: a partition of all images, stratified by class, that keeps groups whole.

use std::collections::BTreeMap;

use super::stratified;
use crate::random::{Purpose, Stream};

/// One fold of a cross-validation: it validates, the others train.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fold {
    /// Index of the fold, from 0, below `of`.
    pub index: u32,
    /// Number of folds, from 2.
    pub of: u32,
}

impl Fold {
    /// The fold that two keys of a recipe name, if both are given.
    pub fn of_keys(folds: Option<u32>, fold: Option<u32>) -> Option<Self> {
        folds.zip(fold).map(|(of, index)| Self { index, of })
    }
}

/// Draws the fold of each image, below `folds`.
///
/// Without `groups`, every class is dealt to the folds in turn: the folds' sizes differ by one image at most, and so do the
/// folds' images of each class. With `groups` (the group of each image), the images of a group share a fold, and the
/// folds are as even as whole groups allow.
pub fn draw(labels: &[u32], classes: usize, groups: Option<&[u32]>, folds: u32, data_seed: u64) -> Vec<u32> {
    match groups {
        None => deal(labels, classes, folds, data_seed),
        Some(groups) => assign(labels, classes, groups, folds, data_seed),
    }
}

fn deal(labels: &[u32], classes: usize, folds: u32, data_seed: u64) -> Vec<u32> {
    let mut fold_of = vec![0; labels.len()];
    let mut next = 0;
    for positions in stratified::shuffled(labels, classes, data_seed, Purpose::Folds) {
        for position in positions {
            fold_of[position as usize] = next;
            next = (next + 1) % folds;
        }
    }
    fold_of
}

/// Assigns the groups to the folds, large ones first and those of one size in random order, each to the fold where the
/// sum over classes and folds of the squared share of the class's images grows least.
fn assign(labels: &[u32], classes: usize, groups: &[u32], folds: u32, data_seed: u64) -> Vec<u32> {
    let mut members: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (position, &group) in groups.iter().enumerate() {
        members.entry(group).or_default().push(position);
    }
    let mut members: Vec<Vec<usize>> = members.into_values().collect();
    Stream::new(data_seed, Purpose::Folds, 1, 0).shuffle(&mut members);
    members.sort_by_key(|positions| std::cmp::Reverse(positions.len()));

    let mut totals = vec![0.0; classes];
    labels.iter().for_each(|&label| totals[label as usize] += 1.0);
    let mut counts = vec![vec![0.0; classes]; folds as usize];
    let mut sizes = vec![0; folds as usize];
    let mut fold_of = vec![0; labels.len()];
    for positions in members {
        let mut of_class: BTreeMap<usize, f64> = BTreeMap::new();
        for &position in &positions {
            *of_class.entry(labels[position] as usize).or_default() += 1.0;
        }
        let growth = |fold: usize| -> f64 {
            let of_one =
                |(&class, &n): (&usize, &f64)| n * (n + 2.0 * counts[fold][class]) / f64::powi(totals[class], 2);
            of_class.iter().map(of_one).sum()
        };
        let by_growth = |a: &usize, b: &usize| growth(*a).total_cmp(&growth(*b)).then(sizes[*a].cmp(&sizes[*b]));
        let best = (0..folds as usize).min_by(by_growth).unwrap_or_default();
        for (class, n) in of_class {
            counts[best][class] += n;
        }
        sizes[best] += positions.len();
        positions.into_iter().for_each(|position| fold_of[position] = best as u32);
    }
    fold_of
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// How many images of each class each fold has.
    fn counts(labels: &[u32], fold_of: &[u32], classes: usize, folds: u32) -> Vec<Vec<usize>> {
        let mut counts = vec![vec![0; classes]; folds as usize];
        labels.iter().zip(fold_of).for_each(|(&label, &fold)| counts[fold as usize][label as usize] += 1);
        counts
    }

    fn spread(numbers: impl Iterator<Item = usize> + Clone) -> usize {
        numbers.clone().max().unwrap() - numbers.min().unwrap()
    }

    #[test]
    fn folds_differ_by_one_image_in_size_and_in_every_class() {
        let labels: Vec<u32> = (0..313).map(|i| if i % 29 == 0 { 2 } else { i % 2 }).collect();
        for folds in [2, 5, 10] {
            let fold_of = draw(&labels, 3, None, folds, 0);
            let counts = counts(&labels, &fold_of, 3, folds);
            for class in 0..3 {
                assert!(spread(counts.iter().map(|fold| fold[class])) <= 1, "{counts:?}");
            }
            assert!(spread(counts.iter().map(|fold| fold.iter().sum())) <= 1, "{counts:?}");
            assert_eq!(fold_of, draw(&labels, 3, None, folds, 0));
            assert_ne!(fold_of, draw(&labels, 3, None, folds, 1));
        }
    }

    #[test]
    fn a_group_stays_in_one_fold_and_the_folds_stay_even() {
        // 60 groups of 1 to 9 images, each of one of three classes, as the photographs of one patient are.
        let (mut labels, mut groups) = (Vec::new(), Vec::new());
        for group in 0..60 {
            let n = 1 + group as usize * 7 % 9;
            labels.resize(labels.len() + n, group % 3);
            groups.resize(groups.len() + n, 100 + group);
        }
        let fold_of = draw(&labels, 3, Some(&groups), 5, 0);
        let folds_of_groups: HashSet<(&u32, &u32)> = groups.iter().zip(&fold_of).collect();
        assert_eq!(folds_of_groups.len(), 60);
        let counts = counts(&labels, &fold_of, 3, 5);
        assert!(spread(counts.iter().map(|fold| fold.iter().sum())) <= 4, "{counts:?}");
        for class in 0..3 {
            assert!(spread(counts.iter().map(|fold| fold[class])) <= 4, "{counts:?}");
        }
        assert_ne!(fold_of, draw(&labels, 3, Some(&groups), 5, 1));
    }

    #[test]
    fn groups_of_one_image_are_dealt_evenly() {
        let labels: Vec<u32> = (0..100).map(|i| i % 4).collect();
        let groups: Vec<u32> = (0..100).collect();
        let counts = counts(&labels, &draw(&labels, 4, Some(&groups), 5, 0), 4, 5);
        assert_eq!(counts, vec![vec![5; 4]; 5]);
    }
}
