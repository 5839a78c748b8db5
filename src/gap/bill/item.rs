//! The items of a bill, one a cause.

use serde::{Deserialize, Serialize};

/// Half the width of a 95 % interval in standard errors.
pub(super) const QUANTILE: f64 = 1.959_964;

/// An item of the bill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Images of val that the network has seen, or nearly so; below 0 where they make the gap too small.
    Flattery,
    /// The choice of probe and val among all images.
    Sampling,
    /// Probabilities that a temperature would set right, of val more than of train.
    Calibration,
    /// Wrong labels.
    Labels,
    /// Classes that are more frequent in val than in the probe.
    ClassMix,
    /// What training images gain from having been seen as they are, beyond what any image loses by augmentation.
    Memorisation,
    /// What remains.
    Generalisation,
}

impl Cause {
    /// Those that can be taken away, in the order of the bits of a set of them.
    pub(super) const REMOVABLE: [Self; 6] =
        [Self::Flattery, Self::Sampling, Self::Calibration, Self::Labels, Self::ClassMix, Self::Memorisation];

    /// The set, as bits, that holds this cause alone; empty for generalisation, which cannot be taken away.
    pub(super) fn alone(self) -> usize {
        Self::REMOVABLE.iter().position(|other| *other == self).map_or(0, |bit| 1 << bit)
    }

    /// The name in text.
    pub fn name(self) -> &'static str {
        match self {
            Self::Flattery => "flattery",
            Self::Sampling => "sampling",
            Self::Calibration => "calibration",
            Self::Labels => "labels",
            Self::ClassMix => "class mix",
            Self::Memorisation => "memorisation",
            Self::Generalisation => "generalisation",
        }
    }
}

/// The share of one cause.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BillItem {
    /// The cause.
    pub id: Cause,
    /// What it contributes to the gap \[nats\]; 0 where it was not measured, so that it is part of generalisation.
    pub nats: f64,
    /// Lower end of the 95 % interval over other images; null where the cause was not measured.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// Whether the cause was measured.
    pub is_measured: bool,
    /// The measurement behind it, or why there is none and what to do.
    pub evidence: String,
}
