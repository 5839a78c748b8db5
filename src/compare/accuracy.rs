//! The test of accuracies, image by image.

use serde::{Deserialize, Serialize};

/// McNemar's test of one model against the baseline's of the same seed: on the images on which exactly one of them is right,
/// is it as often the one as the other? It speaks of these two models on other images, not of recipes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccuracyTest {
    /// The seed of the model.
    pub seed: u64,
    /// Images on which this model alone is right.
    pub right_here_only: usize,
    /// Images on which the baseline alone is right.
    pub right_in_baseline_only: usize,
    /// Exact two-sided p-value.
    pub p: f64,
    /// p-value after Holm's correction over all such tests of the comparison.
    pub p_holm: f64,
}
