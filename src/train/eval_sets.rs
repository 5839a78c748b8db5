//! The images that are measured after every epoch.

use crate::data::Dataset;

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
}

impl EvalSets {
    /// The sets of `data`, drawn by `data_seed`.
    pub fn of(data: &Dataset, data_seed: u64) -> Self {
        Self {
            probe: data.probe(data_seed),
            val: (0..data.val.len() as u32).collect(),
            leaks: data.val_in_train(),
            near_leaks: data.val_near_leaks().map(<[bool]>::to_vec),
            in_first_half: data.val_halves(data_seed),
        }
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
