//! The numbers of a run's state that are not tensors of the network or the optimizer.

use serde::{Deserialize, Serialize};

use super::{EarlyStopping, loss_scale::LossScaleState};

/// The position of a run: its finished epochs, and the updates after them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// Epochs finished, with their evaluation.
    pub epochs: u32,
    /// Updates made in the epoch after the finished ones.
    pub updates: u64,
    /// Sum of the losses of the batches of those updates \[nats\].
    pub loss_sum: f64,
}

/// The training state apart from the tensors of network, average and optimizer. Nothing else is carried from one update to
/// the next, since random draws are functions of the position. A checkpoint stores it, rank 0 sends it to the other ranks,
/// and a snapshot holds it for the search of a non-finite value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrainState {
    /// The position of the run.
    pub position: Position,
    /// Wall time of the updates after the finished epochs, when training last paused \[s\]. It is beside the position, which
    /// is equal on all ranks and in each repetition of a run: a time is neither.
    #[serde(default)]
    pub seconds_in_epoch: f64,
    /// Updates that the optimizer has made, over all epochs.
    pub optimizer_updates: u64,
    /// How many sets of weights have been averaged; 0 where there is no average yet.
    pub averaged: u64,
    /// The lowest val loss and the epochs since.
    pub early_stopping: EarlyStopping,
    /// The scale of the loss, where gradients are in float16.
    pub loss_scale: Option<LossScaleState>,
}
