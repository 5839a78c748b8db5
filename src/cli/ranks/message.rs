//! What rank 0 sends to the other ranks before a run begins. Rank 0 alone reads recipe, flags and run folder.

use serde::{Deserialize, Serialize};

use mindgap::data::SplitFolders;

/// A message of rank 0.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Message {
    /// The run is finished: there is nothing to train.
    Finished,
    /// A run to train.
    Train {
        /// The recipe, complete but for what the data decide, as TOML.
        recipe: String,
        /// The data.
        source: String,
        /// The list of samples to leave out of the data.
        exclude: Option<String>,
        /// The folders of splits that were named.
        folders: SplitFolders,
        /// Whether the resumed run left bad files out.
        skipped_before: bool,
        /// Threads of each rank, where the resumed run decides them.
        threads: Option<usize>,
    },
}
