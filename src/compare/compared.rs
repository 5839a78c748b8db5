//! One preset of a comparison: its figures over its seeds, and how it differs from the baseline.

use serde::{Deserialize, Serialize};

use super::{
    Against, FinishedRun, SeedFigures, Verdict,
    answer::{Detection, Sequential},
};
use crate::{recipe::KeyDifference, stats::Course};

/// One preset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    /// Name of the preset.
    pub preset: String,
    /// What the comparison says of it.
    #[serde(rename = "finding")]
    pub verdict: Verdict,
    /// The seeds of its finished runs.
    pub seeds: Vec<u64>,
    /// The number of folds, each validated by a run of its own, where the comparison is a cross-validation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folds: Option<u32>,
    /// Trainable numbers of its network; absent for predictions alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<u64>,
    /// Multiply-adds of one image; absent where a recorded run does not state them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub macs: Option<u64>,
    /// Figures of its finished runs, over their seeds.
    pub figures: SeedFigures,
    /// Whether early stopping chose the last epoch of one of its runs, on val.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub early_stopped: bool,
    /// What val loss did at the end of each of its finished runs, in the order of `seeds`.
    #[serde(default)]
    pub val_loss_course: Vec<Course>,
    /// How it differs from the baseline; absent for the baseline itself and without a common seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<Against>,
    /// The sequential test, where seeds are added until the answers stand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequential: Option<Sequential>,
    /// What the difference that is to be told takes, where one was named; from three seeds on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detection: Option<Detection>,
    /// The recipe keys in which it differs from the baseline; the preset's own value comes first.
    pub recipe: Vec<KeyDifference>,
}

impl Compared {
    pub(super) fn new(preset: &str, runs: &[&FinishedRun], is_base: bool, base: &[&FinishedRun], number: u32) -> Self {
        let mut recipe = match (&runs[0].recipe, &base[0].recipe) {
            (Some(own), Some(base)) => own.diff(base),
            _ => Vec::new(),
        };
        // Runs of one preset differ in these too.
        recipe.retain(|difference| !["seed", "fold"].contains(&&*difference.key));
        Self {
            preset: preset.to_owned(),
            verdict: if is_base { Verdict::Baseline } else { Verdict::NotShown },
            seeds: runs.iter().map(|run| run.job.seed).collect(),
            folds: Some(runs[0].folds.len() as u32).filter(|folds| *folds > 0),
            parameters: runs[0].figures.parameters,
            macs: runs[0].figures.macs,
            figures: SeedFigures::of(runs),
            early_stopped: runs.iter().any(|run| run.figures.early_stopped),
            val_loss_course: runs.iter().map(|run| run.figures.val_loss_course).collect(),
            against: if is_base { None } else { Against::new(runs, base, number) },
            sequential: None,
            detection: None,
            recipe,
        }
    }

    /// p-value of the difference in val loss after Holm's correction: that of the sequential test where there is one.
    pub(super) fn p_holm(&self) -> Option<f64> {
        match &self.sequential {
            Some(test) => Some(test.p_holm),
            None => self.against.as_ref()?.val_loss.p_holm,
        }
    }

    /// 95 % interval over seeds of the difference in val loss: the confidence sequence where there is one.
    pub fn interval_over_seeds(&self) -> Option<[f64; 2]> {
        match &self.sequential {
            Some(test) => Some([test.low?, test.high?]),
            None => self.against.as_ref()?.val_loss.ci_seeds,
        }
    }

    /// How many seeds the paired differences have.
    pub(super) fn paired_seeds(&self) -> usize {
        self.against.as_ref().map_or(0, |against| against.seeds.len())
    }

    /// [`Self::seeds_to_go`] in words, such as `1 more seed`.
    pub(super) fn seeds_to_go_in_words(&self) -> Option<String> {
        let more = self.seeds_to_go()?;
        Some(if more == 1 { "1 more seed".to_owned() } else { format!("{more} more seeds") })
    }

    /// How many seeds more the answer is expected to take, where that is known.
    pub(super) fn seeds_to_go(&self) -> Option<usize> {
        let needed = match (&self.sequential, &self.detection) {
            (Some(test), _) => test.seeds_needed,
            (None, Some(detection)) => detection.seeds,
            (None, None) => None,
        };
        needed?.checked_sub(self.paired_seeds()).filter(|more| *more > 0)
    }
}
