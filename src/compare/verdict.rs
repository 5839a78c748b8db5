//! What a comparison says of a preset: a real win, a gap closed by under-fitting, or nothing shown.

use serde::{Deserialize, Serialize};

use super::{Against, Delta};

/// Significance level at which the corrected p-value is read.
const LEVEL: f64 = 0.05;

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
    /// This number of seeds shows neither.
    NotShown,
}

impl Verdict {
    /// Judges these differences.
    pub fn of(against: &Against) -> Self {
        let shown = against.val_loss.p_holm.is_some_and(|p| p < LEVEL);
        let over_seeds = |delta: &Option<Delta>| delta.as_ref().and_then(|delta| delta.ci_seeds);
        let probe_is_higher = over_seeds(&against.probe_loss).is_some_and(|[low, _]| low > 0.0);
        let gap_is_smaller = over_seeds(&against.gap_loss).is_some_and(|[_, high]| high < 0.0);
        let val_is_lower = against.val_loss.mean < 0.0;
        if shown && val_is_lower {
            Self::Better
        } else if probe_is_higher && gap_is_smaller && against.val_loss.mean >= 0.0 {
            Self::UnderFits
        } else if shown {
            Self::Worse
        } else {
            Self::NotShown
        }
    }
}
