//! The networks that a search tries on images of some size.

use serde::{Deserialize, Serialize};

use crate::recipe::{Family, Recipe, Stem, family};

/// A network by the keys of a recipe that decide it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Network {
    /// Name of the network.
    pub model: String,
    /// Channels of the first stage.
    pub width: u32,
    /// First layers, for networks of the ImageNet family.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stem: Option<Stem>,
    /// Stride of a 3×3 stem.
    pub stem_stride: u32,
}

impl Network {
    fn cifar(model: &str, width: u32, stem_stride: u32) -> Self {
        Self { model: model.into(), width, stem: None, stem_stride }
    }

    /// The network of `recipe`.
    pub fn of(recipe: &Recipe) -> Self {
        let usual = family(&recipe.model).map_or(16, Family::default_width);
        Self {
            model: recipe.model.clone(),
            width: recipe.width.unwrap_or(usual),
            stem: recipe.stem,
            stem_stride: recipe.stem_stride,
        }
    }

    /// `recipe` with this network.
    #[must_use]
    pub fn in_recipe(&self, recipe: &Recipe) -> Recipe {
        Recipe {
            model: self.model.clone(),
            width: Some(self.width),
            stem: self.stem,
            stem_stride: self.stem_stride,
            ..recipe.clone()
        }
    }

    /// In words: `resnet14, 32 channels, stem of stride 2`.
    pub fn words(&self) -> String {
        let stem = match (self.stem, self.stem_stride) {
            (Some(Stem::Imagenet), _) => ", stem of ImageNet".to_owned(),
            (_, 1) => String::new(),
            (_, stride) => format!(", stem of stride {stride}"),
        };
        format!("{}, {} channels{stem}", self.model, self.width)
    }
}

/// The networks to try on images of `size` × `size` pixels, from cheap to costly. Where the reference continues from pretrained
/// weights, its network alone fits them.
///
/// The stem's stride leaves 16 to 32 pixels a side to the first stage, as in the presets `fast` and `closed`: measured, the time is
/// better spent on channels and epochs. The largest are for budgets that give them enough epochs.
pub fn networks(size: u32, reference: &Recipe) -> Vec<Network> {
    if reference.pretrained.is_some() {
        return vec![Network::of(reference)];
    }
    let stride = match size {
        0..=23 => 1,
        24..=71 => 2,
        _ => 4,
    };
    let mut networks = vec![
        Network::cifar("resnet8", 16, stride),
        Network::cifar("resnet14", 16, stride),
        Network::cifar("resnet14", 32, stride),
        Network::cifar("resnet20", 40, stride),
    ];
    networks.push(match size {
        0..=23 => Network::cifar("resnet20", 64, stride),
        24..=71 => Network::cifar("resnet20", 32, 1),
        _ => Network { model: "resnet18".into(), width: 64, stem: Some(Stem::Imagenet), stem_stride: 1 },
    });
    networks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Architecture;

    #[test]
    fn networks_are_valid_and_stand_in_the_order_of_their_cost() {
        for size in [8, 23, 24, 32, 48, 71, 72, 96, 224] {
            let mut before = 0;
            for network in networks(size, &Recipe::default()) {
                let recipe = network.in_recipe(&Recipe { img_size: Some(size), ..Recipe::default() });
                recipe.validate().unwrap();
                let cost = Architecture::new(&recipe, 3, 10).unwrap().cost(size).multiply_adds;
                assert!(cost > before, "{size}: {}", network.words());
                before = cost;
            }
        }
    }

    #[test]
    fn pretrained_weights_keep_their_network() {
        let reference =
            Recipe { model: "resnet18".into(), pretrained: Some("w.safetensors".into()), ..Recipe::default() };
        let found = networks(224, &reference);
        assert_eq!((found.len(), found[0].model.as_str(), found[0].width), (1, "resnet18", 64));
    }
}
