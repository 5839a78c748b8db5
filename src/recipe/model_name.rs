//! The names of the networks, and what follows from a name alone.

use anyhow::{Result, ensure};

use super::{Stem, suggest::nearest};

/// A family of residual networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Three stages behind a 3×3 stem, for small images (He et al. 2016, section 4.2).
    Cifar,
    /// Four stages as in torchvision's `resnet18` to `resnet101` (He et al. 2016, table 1).
    Imagenet,
}

/// Every network that a recipe can name: those of the CIFAR family, then those of [`IMAGENET_MODELS`].
#[rustfmt::skip]
pub const MODEL_NAMES: [&str; 11] = [
    "resnet8", "resnet14", "resnet20", "resnet32", "resnet44", "resnet56", "resnet110",
    "resnet18", "resnet34", "resnet50", "resnet101",
];

/// The networks of the ImageNet family.
pub const IMAGENET_MODELS: [&str; 4] = ["resnet18", "resnet34", "resnet50", "resnet101"];

/// The family of the network called `name`.
///
/// # Errors
/// No network has that name; the message suggests the nearest.
pub fn family(name: &str) -> Result<Family> {
    ensure!(
        MODEL_NAMES.contains(&name),
        "there is no model `{name}` among {}{}",
        MODEL_NAMES.join(", "),
        nearest(name, MODEL_NAMES)
    );
    Ok(if IMAGENET_MODELS.contains(&name) { Family::Imagenet } else { Family::Cifar })
}

impl Family {
    /// Channels of the first stage where the recipe gives no `width`.
    pub fn default_width(self) -> u32 {
        match self {
            Self::Cifar => 16,
            Self::Imagenet => 64,
        }
    }

    /// The stem where the recipe gives none. The CIFAR family has one stem only, so there is nothing to choose.
    pub fn default_stem(self) -> Option<Stem> {
        match self {
            Self::Cifar => None,
            Self::Imagenet => Some(Stem::Imagenet),
        }
    }

    /// Pixels of the image, along one side, for one pixel of the last feature map.
    pub fn total_stride(self, stem: Option<Stem>, stem_stride: u32) -> u32 {
        match (self, stem) {
            (Self::Cifar, _) => stem_stride.saturating_mul(4),
            (Self::Imagenet, Some(Stem::Small)) => stem_stride.saturating_mul(8),
            (Self::Imagenet, _) => 32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_model_is_answered_with_the_nearest_and_all_names() {
        let error = family("resnet-18").unwrap_err().to_string();
        assert!(error.contains("did you mean `resnet18`?") && error.contains("resnet110"), "{error}");
    }
}
