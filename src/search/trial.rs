//! One training of a candidate in the search.

use serde::{Deserialize, Serialize};

use super::Score;

/// One training of a candidate: on one rung, with one seed, over all folds where there are some.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Index of the candidate.
    pub candidate: usize,
    /// The rung, from 0.
    pub rung: usize,
    /// The seed.
    pub seed: u64,
    /// Its epochs, which the time of the rung allowed.
    pub epochs: u32,
    /// What became of it; None while it is being trained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
}

/// What became of a trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It finished, with these figures on the half of val that selects.
    Finished(Score),
    /// It failed, for this reason.
    Failed(String),
}

impl Trial {
    /// The name of its runs, without seed and fold: `c03-r1`.
    pub fn name(&self) -> String {
        format!("{}-r{}", name(self.candidate), self.rung)
    }

    /// What no two trials of a search share: candidate, rung, seed.
    pub fn key(&self) -> (usize, usize, u64) {
        (self.candidate, self.rung, self.seed)
    }

    /// Its figures on the half that selects; None where it is not finished, or its val loss is not a number.
    pub fn score(&self) -> Option<&Score> {
        match &self.outcome {
            Some(Outcome::Finished(score)) if score.val_loss.is_finite() => Some(score),
            _ => None,
        }
    }

    /// The val loss among them.
    pub fn val_loss(&self) -> Option<f64> {
        self.score().map(|score| score.val_loss)
    }
}

/// The name of a candidate: `c03`.
pub fn name(candidate: usize) -> String {
    format!("c{candidate:02}")
}
