//! The knobs of the search, each with a few levels from weak to strong.

use serde::{Deserialize, Serialize};

/// A knob of the search. The number of a level is an index into [`Knob::levels`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Knob {
    /// Networks by their cost; the levels are those of [`networks`](super::networks).
    Network,
    /// Turning, shifting, zooming, changes of brightness and contrast, erasing.
    Augmentation,
    /// Mirrored images.
    Flip,
    /// Mixup and CutMix.
    Mixing,
    /// Label smoothing.
    Smoothing,
    /// Weight decay.
    Decay,
    /// Dropout before the classifier.
    Dropout,
    /// The peak learning rate.
    Rate,
    /// Sharpness-aware minimisation, which takes twice the time.
    Sharpness,
    /// What makes updates of gradients.
    Optimizer,
}

impl Knob {
    /// All knobs but the network, whose levels depend on the data.
    pub const WITH_LEVELS: [Self; 9] = [
        Self::Augmentation,
        Self::Flip,
        Self::Mixing,
        Self::Smoothing,
        Self::Decay,
        Self::Dropout,
        Self::Rate,
        Self::Sharpness,
        Self::Optimizer,
    ];

    /// The levels in words, from weak to strong; none for the network.
    pub fn levels(self) -> &'static [&'static str] {
        match self {
            Self::Network => &[],
            Self::Augmentation => &[
                "no augmentation",
                "mild augmentation",
                "augmentation",
                "strong augmentation",
                "very strong augmentation",
            ],
            Self::Flip => &["no mirroring", "mirroring"],
            Self::Mixing => &["no mixing", "mixup 0.2", "CutMix 0.5"],
            Self::Smoothing => &["no smoothing", "smoothing 0.05", "smoothing 0.1"],
            Self::Decay => {
                &["no weight decay", "weight decay", "twice the weight decay", "four times the weight decay"]
            }
            Self::Dropout => &["no dropout", "dropout 0.1", "dropout 0.25"],
            Self::Rate => &["half the rate", "the usual rate", "twice the rate"],
            Self::Sharpness => &["no SAM", "SAM 0.05"],
            Self::Optimizer => &["SGD", "Muon"],
        }
    }
}
