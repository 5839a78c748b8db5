//! Random draws that keep groups whole, such as the images of one patient: the groups that become val, the fraction of
//! train in use, the halves of val.

use std::collections::{BTreeMap, HashSet};

use anyhow::{Result, ensure};

use super::{folds, stratified};
use crate::{
    data::sources::listing,
    random::{Purpose, Stream},
};

/// Draws the positions of train and of val, each in the order of the listing. The images are divided into ten folds, or
/// as many as there are groups, by [`folds::draw`]; of those that leave every class in train, the fold whose size is
/// nearest to a tenth of the images becomes val.
/// Fails if there is one group, or every fold holds all images of some class.
pub fn tenth(labels: &[u32], classes: usize, groups: &[u32], data_seed: u64) -> Result<(Vec<u32>, Vec<u32>)> {
    let count = groups.iter().collect::<HashSet<_>>().len();
    ensure!(count > 1, "all images belong to one group, so that no val split can be drawn that keeps it whole");
    let folds = count.min(10) as u32;
    let fold_of = folds::draw(labels, classes, Some(groups), folds, data_seed);
    let all = listing::count(labels, classes);
    let candidates = (0..folds).filter(|&fold| {
        let of_fold: Vec<u32> =
            labels.iter().zip(&fold_of).filter(|&(_, other)| *other == fold).map(|(&label, _)| label).collect();
        let left = listing::count(&of_fold, classes).into_iter().zip(&all).all(|(here, all)| here < *all || *all == 0);
        left && !of_fold.is_empty()
    });
    let distance = |fold: &u32| (10 * fold_of.iter().filter(|other| *other == fold).count()).abs_diff(labels.len());
    let val = candidates.min_by_key(distance);
    ensure!(
        val.is_some(),
        "no val split can be drawn that keeps the groups whole and leaves every class in train: some class has its images in one \
         group; give the data a val split, or leave that class out"
    );
    Ok((0..labels.len() as u32).partition(|&position| Some(fold_of[position as usize]) != val))
}

/// Draws the positions of whole groups that hold the `fraction` (0 < fraction ≤ 1) of the images, or a little more, and at
/// least one image of every class. A larger fraction contains every smaller one.
pub fn fraction(labels: &[u32], groups: &[u32], fraction: f64, data_seed: u64) -> Vec<u32> {
    let mut members: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (position, &group) in (0..).zip(groups) {
        members.entry(group).or_default().push(position);
    }
    let mut members: Vec<Vec<u32>> = members.into_values().collect();
    Stream::new(data_seed, Purpose::Fraction, 1, 0).shuffle(&mut members);
    let wanted = labels.len() as f64 * fraction;
    let mut used = Vec::new();
    let mut seen = HashSet::new();
    for positions in members {
        let is_wanted = (used.len() as f64) < wanted;
        let brings_a_class = positions.iter().any(|&position| !seen.contains(&labels[position as usize]));
        seen.extend(positions.iter().map(|&position| labels[position as usize]));
        if is_wanted || brings_a_class {
            used.extend(positions);
        }
    }
    used.sort_unstable();
    used
}

/// Draws two halves of whole groups, as even as they allow: for each image, whether it is in the first half. The images of
/// a single group are divided one by one.
pub fn halves(labels: &[u32], classes: usize, groups: &[u32], data_seed: u64) -> Vec<bool> {
    if groups.iter().all(|group| *group == groups[0]) {
        return stratified::halves(labels, classes, data_seed);
    }
    folds::draw(labels, classes, Some(groups), 2, data_seed).into_iter().map(|fold| fold == 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 60 groups of 1 to 9 images: 300 in all, of three classes that groups share.
    fn images() -> (Vec<u32>, Vec<u32>) {
        let groups: Vec<u32> = (0..60).flat_map(|group| vec![group; 1 + group as usize * 7 % 9]).collect();
        ((0..groups.len() as u32).map(|position| position % 3).collect(), groups)
    }

    fn of(values: &[u32], positions: &[u32]) -> HashSet<u32> {
        positions.iter().map(|&position| values[position as usize]).collect()
    }

    #[test]
    fn about_a_tenth_becomes_val_in_whole_groups() {
        let (labels, groups) = images();
        let (train, val) = tenth(&labels, 3, &groups, 0).unwrap();
        assert!(of(&groups, &train).is_disjoint(&of(&groups, &val)));
        assert_eq!((train.len() + val.len(), of(&labels, &val).len()), (labels.len(), 3));
        assert!(val.len().abs_diff(labels.len() / 10) < 5, "{} of {}", val.len(), labels.len());
        assert!(train.is_sorted() && val.is_sorted());
        assert_eq!(tenth(&labels, 3, &groups, 0).unwrap(), (train, val.clone()));
        assert_ne!(tenth(&labels, 3, &groups, 1).unwrap().1, val);
    }

    #[test]
    fn a_few_large_groups_are_divided_as_well_as_they_allow() {
        // Class 1 is in the large group alone, which therefore trains.
        let labels = [0, 0, 0, 0, 1, 1, 0, 0, 0];
        let groups = [0, 0, 0, 0, 0, 0, 1, 1, 2];
        assert_eq!(tenth(&labels, 2, &groups, 0).unwrap().1, [8]);
        assert!(tenth(&labels, 2, &[7; 9], 0).unwrap_err().to_string().contains("one group"));
        let apart = tenth(&[0, 0, 1, 1], 2, &[0, 0, 1, 1], 0).unwrap_err().to_string();
        assert!(apart.contains("leaves every class in train"), "{apart}");
    }

    #[test]
    fn a_fraction_is_of_whole_groups_and_contains_the_smaller_ones() {
        let (labels, groups) = images();
        let mut smaller = Vec::new();
        for share in [0.001, 0.1, 0.5, 0.99, 1.0] {
            let used = fraction(&labels, &groups, share, 0);
            let rest: Vec<u32> = (0..labels.len() as u32).filter(|position| !used.contains(position)).collect();
            assert!(of(&groups, &used).is_disjoint(&of(&groups, &rest)), "{share}");
            assert!(smaller.iter().all(|position| used.contains(position)), "{share}");
            assert_eq!(of(&labels, &used).len(), 3);
            let excess = used.len() as f64 - share * labels.len() as f64;
            assert!((0.0..27.0).contains(&excess), "{share}: {excess}");
            smaller = used;
        }
        assert_eq!(smaller.len(), labels.len());
    }

    #[test]
    fn halves_are_of_whole_groups() {
        let (labels, groups) = images();
        let first = halves(&labels, 3, &groups, 0);
        let (one, other): (Vec<u32>, Vec<u32>) =
            (0..labels.len() as u32).partition(|&position| first[position as usize]);
        assert!(of(&groups, &one).is_disjoint(&of(&groups, &other)));
        assert!(one.len().abs_diff(other.len()) < 5, "{} and {}", one.len(), other.len());
        assert_eq!(halves(&[0, 0, 1, 1], 2, &[5; 4], 0).iter().filter(|&&first| first).count(), 2);
        assert!(halves(&[], 2, &[], 0).is_empty());
    }
}
