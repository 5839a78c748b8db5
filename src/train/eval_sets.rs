//! The images that are measured after every epoch.

use std::collections::HashSet;

use crate::{
    data::{Dataset, Split},
    run::{Measured, Outputs},
};

/// Probe and val of a data set, which are the same in every epoch and for every training seed. The gap is the difference
/// between their figures.
#[derive(Clone, Debug)]
pub struct EvalSets {
    /// The probe: positions in train.
    pub probe: Vec<u32>,
    /// Positions in val: all of them.
    pub val: Vec<u32>,
    /// Which val images also appear in train.
    pub leaks: Vec<bool>,
    /// Which val images have a near-duplicate, but no equal image, in train; None where that is not known.
    pub near_leaks: Option<Vec<bool>>,
    /// Which val images belong to its first half, for cross-fitting.
    pub in_first_half: Vec<bool>,
    /// The groups of the probe's images and of val's, where the images have groups.
    groups: Option<[Vec<u32>; 2]>,
    /// Images of val whose group also has images in train; None where the images have no groups.
    pub group_leaks: Option<usize>,
}

impl EvalSets {
    /// The sets of `data`, drawn by `data_seed`.
    pub fn of(data: &Dataset, data_seed: u64) -> Self {
        let (probe, val) = (data.probe(data_seed), (0..data.val.len() as u32).collect::<Vec<u32>>());
        Self {
            groups: groups_of(&data.train, &probe).zip(groups_of(&data.val, &val)).map(|(probe, val)| [probe, val]),
            group_leaks: data.group_leaks(&data.val),
            probe,
            val,
            leaks: data.val_in_train(),
            near_leaks: data.val_near_leaks().map(<[bool]>::to_vec),
            in_first_half: data.val_halves(data_seed),
        }
    }

    /// Losses and hits of the outputs on the probe and on val, with the groups of their images.
    pub fn measured(&self, probe: &Outputs, val: &Outputs) -> (Measured, Measured) {
        let groups = |set: usize| self.groups.as_ref().map(|groups| &groups[set][..]);
        (probe.measured().in_groups(groups(0)), val.measured().in_groups(groups(1)))
    }

    /// How many groups the probe and val have images of; None where the images have no groups.
    pub fn group_counts(&self) -> Option<[usize; 2]> {
        let count = |groups: &Vec<u32>| groups.iter().collect::<HashSet<_>>().len();
        self.groups.as_ref().map(|groups| groups.each_ref().map(count))
    }

    /// How many val images also appear in train.
    pub fn leak_count(&self) -> usize {
        self.leaks.iter().filter(|&&leak| leak).count()
    }

    /// How many val images have a near-duplicate, but no equal image, in train; None where that is not known.
    pub fn near_leak_count(&self) -> Option<usize> {
        self.near_leaks.as_ref().map(|leaks| leaks.iter().filter(|&&leak| leak).count())
    }
}

fn groups_of(split: &Split, positions: &[u32]) -> Option<Vec<u32>> {
    let groups = split.groups.as_ref()?;
    Some(positions.iter().map(|&position| groups[position as usize]).collect())
}
