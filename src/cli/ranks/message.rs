//! The message of rank 0 to the other ranks before a run begins. Only rank 0 reads recipe, flags and run folder.

use serde::{Deserialize, Serialize};

use mindgap::data::Selection;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Message {
    /// The run is finished: there is nothing to train.
    Finished,
    /// A run to train.
    Train {
        /// The recipe as TOML, complete except for the values that the data decide.
        recipe: String,
        source: String,
        selection: Box<Selection>,
        /// Whether the resumed run left bad files out.
        skipped_before: bool,
        /// Threads of each rank, if the resumed run determines them.
        threads: Option<usize>,
        /// Updates between two checkpoints inside an epoch.
        checkpoint_every: Option<u64>,
    },
}
