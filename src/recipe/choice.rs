//! Keys whose value is one of a few words.

use serde::{Deserialize, Serialize};

/// Declares an enum whose variants are words in recipes and flags, and lists the words.
macro_rules! choice {
    ($(#[$about:meta])* $name:ident { $($(#[$meaning:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$meaning])* #[serde(rename = $word)] $variant),+
        }

        impl $name {
            /// The words that stand for the variants in recipes and flags.
            pub const WORDS: &'static [&'static str] = &[$($word),+];
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(match self { $(Self::$variant => $word),+ })
            }
        }
    };
}

choice! {
    /// The optimiser.
    Opt {
        /// Stochastic gradient descent with momentum, as PyTorch's `SGD`.
        Sgd = "sgd",
        /// Adam with decoupled weight decay (Loshchilov and Hutter 2019), betas 0.9 and 0.999, as PyTorch's `AdamW`.
        Adamw = "adamw",
        /// Momentum made orthogonal for convolutions, AdamW for all else (Jordan et al. 2024).
        Muon = "muon",
    }
}

choice! {
    /// The short type of mixed precision.
    AmpDtype {
        /// 8 bits of exponent, as float32 has, and 7 of precision.
        Bfloat16 = "bfloat16",
        /// 5 bits of exponent and 10 of precision; the loss is scaled to keep gradients in its range.
        Float16 = "float16",
    }
}

choice! {
    /// The first layers of a network of the ImageNet family.
    Stem {
        /// 7×7 convolution of stride 2, then a max-pool of stride 2: for photos.
        Imagenet = "imagenet",
        /// 3×3 convolution of stride `stem_stride`, no max-pool: for small images.
        Small = "small",
    }
}

choice! {
    /// The first layer that is trained, by torchvision's names; what lies before it is frozen.
    FirstTrained {
        /// The stem: everything is trained.
        Conv1 = "conv1",
        /// The first stage: the stem is frozen.
        Layer1 = "layer1",
        /// The second stage.
        Layer2 = "layer2",
        /// The third stage.
        Layer3 = "layer3",
        /// The fourth stage, which the ImageNet family has.
        Layer4 = "layer4",
        /// The classifier alone is trained.
        Fc = "fc",
    }
}

impl FirstTrained {
    /// How many parts of a network of `stages` stages lie before it: the stem is one, each stage is one.
    pub fn parts_before(self, stages: usize) -> usize {
        match self {
            Self::Conv1 => 0,
            Self::Layer1 => 1,
            Self::Layer2 => 2,
            Self::Layer3 => 3,
            Self::Layer4 => 4,
            Self::Fc => 1 + stages,
        }
    }
}

choice! {
    /// How the swing of a cyclic phase changes from cycle to cycle (Smith 2017).
    CycleMode {
        /// Every cycle swings as far as the first.
        Triangular = "triangular",
        /// Every cycle swings half as far as the one before it.
        Triangular2 = "triangular2",
        /// The swing is multiplied by `gamma` at every step.
        ExpRange = "exp_range",
    }
}

choice! {
    /// A whole schedule in one word, as timm's `--sched`.
    Sched {
        /// The peak rate throughout.
        Constant = "constant",
        /// Multiplied by `decay_rate` every `decay_epochs`.
        Step = "step",
        /// Half a cosine from the peak to `min_lr`.
        Cosine = "cosine",
        /// Up to the peak over the first 30 %, then down to `min_lr` (Smith and Topin 2018).
        OneCycle = "one-cycle",
        /// Triangles between `min_lr` and the peak, 2 epochs up and 2 down.
        Cyclic = "cyclic",
    }
}

choice! {
    /// What lies beyond the edge of an image that is turned, moved or shrunk.
    Border {
        /// The image, mirrored at its edge.
        Reflect = "reflect",
        /// Black, as torchvision's default fill.
        Zero = "zero",
    }
}

choice! {
    /// An automatic policy of augmentation.
    Aa {
        /// None: only what the other keys ask for.
        None = "none",
        /// One operation of random strength an image (TrivialAugment, Müller and Hutter 2021).
        Trivial = "trivial",
        /// Several operations of one strength an image (RandAugment, Cubuk et al. 2020).
        Rand = "rand",
        /// Changed copies mixed with the image (AugMix, Hendrycks et al. 2020).
        AugMix = "augmix",
    }
}

impl Aa {
    /// The most operations that `rand` does to an image.
    pub const MOST_OPERATIONS: u32 = 4;
    /// The magnitude of `rand` and `augmix` at which an operation has its whole strength.
    pub const FULL_MAGNITUDE: f64 = 30.0;
}

choice! {
    /// Views of each image whose predictions are averaged (test-time augmentation).
    Tta {
        /// The image alone.
        None = "none",
        /// The image and its mirror image.
        Flip = "flip",
        /// Four corners and the centre, and their mirror images (Krizhevsky et al. 2012).
        TenCrop = "ten-crop",
    }
}
