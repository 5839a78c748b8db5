//! What rank 0 tells the others of a run before it begins. Rank 0 alone reads recipe, flags and run folder.

use serde::{Deserialize, Serialize};

use mindgap::data::SplitFolders;

/// What the others must know.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Word {
    /// There is nothing to train: the run is finished.
    Finished,
    /// This is to be trained.
    Train {
        /// The recipe, complete but for what the data decide, as TOML.
        recipe: String,
        /// The data.
        source: String,
        /// The list of samples to leave out of them.
        exclude: Option<String>,
        /// The folders of splits that were named.
        folders: SplitFolders,
        /// Whether the run that goes on left bad files out.
        skipped_before: bool,
        /// Threads of each rank, where the run that goes on decides them.
        threads: Option<usize>,
    },
}
