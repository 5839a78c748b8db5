//! The numbers of a run's state that are not tensors of the network or the optimizer.

use serde::{Deserialize, Serialize};

use super::{EarlyStopping, loss_scale::LossScaleState};

/// Where a run stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// Epochs finished, with their evaluation.
    pub epochs: u32,
    /// Updates made in the epoch after those.
    pub updates: u64,
    /// Sum of the batch losses of those updates' batches \[nats\].
    pub loss_sum: f64,
}

/// Together with the tensors of network, average and optimizer this is all that a run carries from one update to the
/// next; random draws are functions of the position. A checkpoint stores it, rank 0 sends it to the other ranks, and a
/// snapshot holds it for the search of a non-finite value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrainState {
    /// Where the run stands.
    pub position: Position,
    /// Updates that the optimizer has made, over all epochs.
    pub optimizer_updates: u64,
    /// How many weights went into the averaged weights; 0 where there are none yet.
    pub averaged: u64,
    /// The lowest val loss and the epochs since.
    pub early_stopping: EarlyStopping,
    /// The scale of the loss, where gradients are in float16.
    pub loss_scale: Option<LossScaleState>,
}
