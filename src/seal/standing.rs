//! What a ledger says about its test set: how many models were measured, which is best, and by how much the choice
//! flatters it.

use std::path::Path;

use anyhow::Result;
use serde::Serialize;

use super::{Ledger, Results, Witness, candidates::candidates, witness::looks};
use crate::{
    durable,
    random::{Purpose, Stream},
    stats::{BestOf, best_of},
};

/// The looks at a test set, and the best model among them by each figure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Standing {
    /// Number of looks.
    pub looks: usize,
    /// Number of different models among them. A model that was measured twice counts once.
    pub best_of: usize,
    /// The model of highest accuracy; figures in %. None without looks.
    pub top1: Option<Best>,
    /// The model of lowest loss; figures in nats.
    pub loss: Option<Best>,
}

/// The best model by one figure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Best {
    /// The number of its first look, from 1.
    pub look: usize,
    /// Its path, as the user gave it.
    pub model: String,
    /// Its figure on the test set.
    pub best: f64,
    /// What the choice of the best adds to its quality: points of accuracy, or nats, at least about 0; see
    /// [`best_of`](crate::stats::best_of).
    pub optimism: f64,
    /// The figure without the optimism: a lower accuracy, a higher loss.
    pub corrected: f64,
}

impl Standing {
    /// What `ledger` says.
    ///
    /// # Errors
    /// A file of results is gone or was changed.
    pub fn of(ledger: &Ledger) -> Result<Self> {
        let candidates = candidates(&ledger.looks);
        let results = candidates.iter().map(|&index| ledger.results(&ledger.looks[index]));
        let results: Vec<Results> = results.collect::<Result<_>>()?;
        let groups = ledger.groups()?;
        let mut standing = Self { looks: ledger.looks.len(), best_of: candidates.len(), top1: None, loss: None };
        if candidates.is_empty() {
            return Ok(standing);
        }
        let best = |sign: f64, epoch: u32, scores: fn(&Results) -> Vec<f64>| {
            let scores: Vec<Vec<f64>> = results.iter().map(scores).collect();
            let mut draws = Stream::new(0, Purpose::Optimism, epoch, 0);
            let BestOf { best, score, optimism } = best_of(&scores, groups.as_deref(), &mut draws);
            let index = candidates[best];
            Some(Best {
                look: index + 1,
                model: ledger.looks[index].model.model.clone(),
                best: sign * score,
                optimism,
                corrected: sign * (score - optimism),
            })
        };
        standing.top1 =
            best(1.0, 0, |results| results.correct.iter().map(|&correct| if correct { 100.0 } else { 0.0 }).collect());
        standing.loss = best(-1.0, 1, |results| results.losses.iter().map(|&loss| -f64::from(loss)).collect());
        Ok(standing)
    }

    /// What the ledger says that `witness` knows.
    ///
    /// # Errors
    /// The ledger is gone, fails a check, or does not hold the line that the witness knows.
    pub fn known_by(witness: &Witness) -> Result<Self> {
        let ledger = Ledger::open(&durable::folder_of(Path::new(&witness.ledger)))?;
        ledger.check_witness(witness)?;
        Self::of(&ledger)
    }

    /// The looks and the best figures in one sentence.
    pub fn sentence(&self) -> String {
        let (Some(top1), Some(loss)) = (&self.top1, &self.loss) else { return "not measured yet".to_owned() };
        let looks = looks(self.looks);
        if self.best_of == 1 {
            return format!("{looks} at it, 1 model: top-1 {:.2} %, loss {:.4}", top1.best, loss.best);
        }
        format!(
            "{looks} at it; best of {} models: top-1 {:.2} %, corrected {:.2} %; loss {:.4}, corrected {:.4}",
            self.best_of, top1.best, top1.corrected, loss.best, loss.corrected
        )
    }
}
