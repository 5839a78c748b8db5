//! Where the runs of a comparison come from, if it trained none of them itself.

use serde::{Deserialize, Serialize};

use super::PairedBy;

/// What a comparison of models records beside the figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Models {
    /// The runs or tables.
    pub runs: Vec<ComparedModel>,
    /// The weights whose predictions were compared: `last`, `best` or, of tables, `given`.
    pub weights: Weights,
    /// How many val images were compared.
    pub images: usize,
    /// How many further images some of them have, which were left out.
    pub left_out: usize,
    /// How the images were recognised as the same.
    pub paired_by: PairedBy,
    /// What a reader must know of how the predictions were read, one sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// One run or table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComparedModel {
    /// Its group.
    pub group: String,
    /// Its seed, or its number in the group where no seed is known.
    pub seed: u64,
    /// The fold that validated it, if the data were divided into folds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fold: Option<u32>,
    /// Absolute path of the folder or file.
    pub path: String,
}

/// The weights whose predictions are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weights {
    /// The weights after the last epoch.
    Last,
    /// The weights after the epoch of lowest val loss, which the same images chose.
    Best,
    /// Whatever made the tables.
    Given,
}
