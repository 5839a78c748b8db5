//! The names of the networks, and what follows from a name alone.

use anyhow::{Result, anyhow};

use super::{Stem, suggest::nearest};

/// A family of residual networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Three stages behind a 3×3 stem, for small images (He et al. 2016, section 4.2).
    Cifar,
    /// Four stages as in torchvision's `resnet18` to `resnet101` (He et al. 2016, table 1).
    Imagenet,
}

/// Every network that a recipe can name, with its family.
pub const MODELS: [(&str, Family); 11] = [
    ("resnet8", Family::Cifar),
    ("resnet14", Family::Cifar),
    ("resnet20", Family::Cifar),
    ("resnet32", Family::Cifar),
    ("resnet44", Family::Cifar),
    ("resnet56", Family::Cifar),
    ("resnet110", Family::Cifar),
    ("resnet18", Family::Imagenet),
    ("resnet34", Family::Imagenet),
    ("resnet50", Family::Imagenet),
    ("resnet101", Family::Imagenet),
];

/// Every name of [`MODELS`].
pub const MODEL_NAMES: [&str; MODELS.len()] = {
    let mut names = [""; MODELS.len()];
    let mut index = 0;
    // A constant may not iterate.
    while index < names.len() {
        names[index] = MODELS[index].0;
        index += 1;
    }
    names
};

/// The family of the network called `name`.
///
/// # Errors
/// No network has that name; the message suggests the nearest.
pub fn family(name: &str) -> Result<Family> {
    let known = MODELS.iter().find(|(known, _)| *known == name);
    known.map(|(_, family)| *family).ok_or_else(|| {
        anyhow!("there is no model `{name}` among {}{}", MODEL_NAMES.join(", "), nearest(name, MODEL_NAMES))
    })
}

impl Family {
    /// How many stages the networks have.
    pub fn stages(self) -> usize {
        match self {
            Self::Cifar => 3,
            Self::Imagenet => 4,
        }
    }

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
