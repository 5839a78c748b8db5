//! What a comparison says of a preset: a real win, a gap closed by under-fitting, or nothing shown.

use serde::{Deserialize, Serialize};

use super::{Against, Delta};

/// Significance level at which the corrected p-value is read.
pub(super) const LEVEL: f64 = 0.05;

/// What a comparison says of a preset against the baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The preset is the baseline itself.
    Baseline,
    /// Its val loss is lower, by more than chance between seeds explains.
    Better,
    /// Its gap is smaller because it fits the training images worse, and val is no better.
    UnderFits,
    /// Its val loss is higher, by more than chance between seeds explains.
    Worse,
    /// Its val loss differs by no more than the difference that is to be told (`--detect`).
    NoDifference,
    /// This number of seeds shows none of these.
    NotShown,
}

impl Verdict {
    /// Judges these differences by the corrected p-value of the paired t-test.
    pub fn of(against: &Against) -> Self {
        let verdict = Self::shown(against, against.val_loss.p_holm);
        match verdict {
            Self::NotShown | Self::Worse if against.is_under_fitting() && against.val_loss.mean >= 0.0 => {
                Self::UnderFits
            }
            verdict => verdict,
        }
    }

    /// Better or worse where the corrected p-value shows a difference.
    pub(super) fn shown(against: &Against, p_holm: Option<f64>) -> Self {
        if p_holm.is_none_or(|p| p >= LEVEL) {
            Self::NotShown
        } else if against.val_loss.mean < 0.0 {
            Self::Better
        } else {
            Self::Worse
        }
    }
}

impl Against {
    /// Whether the probe's loss is higher and the gap smaller, each by more than chance between seeds explains.
    pub(super) fn is_under_fitting(&self) -> bool {
        let over_seeds = |delta: &Option<Delta>| delta.as_ref().and_then(|delta| delta.ci_seeds);
        let probe_is_higher = over_seeds(&self.probe_loss).is_some_and(|[low, _]| low > 0.0);
        let gap_is_smaller = over_seeds(&self.gap_loss).is_some_and(|[_, high]| high < 0.0);
        probe_is_higher && gap_is_smaller
    }
}
