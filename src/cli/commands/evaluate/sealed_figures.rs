//! What the ledger of a sealed test set says after an evaluation.

use serde::Serialize;

use mindgap::seal::Standing;

/// What the ledger says after an evaluation.
#[derive(Clone, Debug, Serialize)]
pub struct SealedFigures {
    /// Path of the ledger.
    pub ledger: String,
    /// The name of the seal.
    pub id: String,
    /// The number of this look, from 1; with views, that of the plain predictions, and the views have the next.
    pub look: usize,
    /// The earlier look at this model; null where there is none.
    pub first_look: Option<usize>,
    /// The looks, and the best models among them.
    #[serde(flatten)]
    pub standing: Standing,
}
