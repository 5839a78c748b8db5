//! One run of a log.

use super::{epochs::RunEpochs, fields::Fields};

/// One run of a log, with its columns.
pub struct Run {
    pub(super) name: Option<String>,
    pub(super) epochs: RunEpochs,
    pub(super) fields: Fields,
    pub(super) resumed: Vec<f64>,
}

impl Run {
    /// Whether an epoch of the run has both losses.
    pub fn states_both_losses(&self) -> bool {
        let (Some(train), Some(val)) = (self.fields.train_loss, self.fields.val_loss) else { return false };
        self.epochs.epochs.iter().any(|(_, stated)| stated.contains_key(&train) && stated.contains_key(&val))
    }
}
