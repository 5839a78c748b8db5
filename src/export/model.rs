//! What every form of a trained network can do.

use anyhow::Result;
use tch::Tensor;

use super::Classifier;
use crate::model::Description;

/// A trained network, wherever it runs.
pub trait Model {
    /// What is known of it; a file that mindgap did not write may tell nothing.
    fn description(&self) -> Option<&Description>;

    /// uint8 images `[n, c, h, w]` to float32 logits `[n, classes]`: normalisation is the model's own business.
    ///
    /// # Errors
    /// The images do not fit the network, or computing fails.
    fn logits(&self, images: &Tensor) -> Result<Tensor>;

    /// The network itself, where it is mindgap's own in this process: its insides can be looked at.
    fn classifier(&self) -> Option<&Classifier> {
        None
    }
}
