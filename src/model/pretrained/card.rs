//! timm's description of weights: the `config.json` beside a `model.safetensors`.

use std::{fmt, fs, path::Path};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use super::stem::{IMAGENET, Normalisation};
use crate::{
    durable,
    recipe::{IMAGENET_MODELS, Recipe},
};

/// timm's description of the weights in a `model.safetensors`.
#[derive(Clone, Debug, PartialEq)]
pub struct Card {
    /// The network, by timm's name.
    pub architecture: String,
    /// Mean of the pixels per channel, scaled to 0–1, with which the images of the training were normalised.
    pub mean: Vec<f32>,
    /// Standard deviation of the pixels per channel.
    pub std: Vec<f32>,
    /// Channels, height and width of an image of the training.
    pub input_size: [u32; 3],
    /// The number of classes.
    pub num_classes: u32,
}

/// The keys of the file that matter here.
#[derive(Deserialize)]
struct File {
    architecture: Option<String>,
    num_classes: Option<u32>,
    pretrained_cfg: Option<Pretrained>,
}

#[derive(Deserialize)]
#[serde(default)]
struct Pretrained {
    num_classes: Option<u32>,
    input_size: [u32; 3],
    mean: Vec<f32>,
    std: Vec<f32>,
}

impl Default for Pretrained {
    /// timm's defaults where a file does not say.
    fn default() -> Self {
        let (mean, std) = IMAGENET;
        Self { num_classes: None, input_size: [3, 224, 224], mean: mean.into(), std: std.into() }
    }
}

impl Card {
    /// The description in the `config.json` at `path`; `None` where the file is not timm's.
    ///
    /// # Errors
    /// The file cannot be read, or is timm's with values of another form.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        let wrong = || format!("{} cannot be used", path.display());
        let bytes = durable::read_text(path).with_context(wrong)?;
        Self::parse(&bytes).with_context(wrong)
    }

    /// The description beside the weights at `path`, if the two have the names of timm's.
    pub(super) fn beside(path: &Path) -> Result<Option<Self>> {
        let config = path.with_file_name("config.json");
        let is_weights = path.file_name().is_some_and(|name| name == "model.safetensors");
        if is_weights && fs::exists(&config).unwrap_or(false) { Self::read(&config) } else { Ok(None) }
    }

    fn parse(bytes: &[u8]) -> Result<Option<Self>> {
        let File { architecture, num_classes, pretrained_cfg } = serde_json::from_slice(bytes)?;
        let (Some(architecture), Some(training)) = (architecture, pretrained_cfg) else { return Ok(None) };
        let Pretrained { num_classes: trained, input_size, mean, std } = training;
        let channels = input_size[0] as usize;
        ensure!(
            mean.len() == channels && std.len() == channels && std.iter().all(|std| *std > 0.0),
            "mean {mean:?} and std {std:?} are no normalisation of {channels} channels"
        );
        let num_classes = num_classes.or(trained).unwrap_or(1000);
        Ok(Some(Self { architecture, mean, std, input_size, num_classes }))
    }

    /// Checks that the weights are of the network that a recipe names in `model`, `se`, `blur_pool` and `resnet_d`. Weights
    /// that were trained without `blur_pool` have the same tensors and can be used with it.
    ///
    /// # Errors
    /// They are of another network, or of one that mindgap does not build.
    pub fn check_fits(&self, recipe: &Recipe) -> Result<()> {
        let known = IMAGENET_MODELS.join(", ");
        let own = &self.architecture;
        let Some(network) = Network::called(own) else {
            let plain = IMAGENET_MODELS.iter().rev().find(|name| own.starts_with(*name));
            match plain.and_then(|plain| own.strip_prefix(plain)) {
                Some("c" | "s" | "t") => bail!(
                    "the weights are of {own}, whose stem is three small convolutions where {} has one of 7x7: mindgap builds {known}",
                    plain.unwrap_or(&"")
                ),
                _ => bail!("the weights are of {own}; mindgap builds {known}"),
            }
        };
        let mut changes = Vec::new();
        if recipe.model != network.model {
            changes.push(format!("model = \"{}\"", network.model));
        }
        if recipe.se != network.se {
            changes.push(format!("se = {}", network.se));
        }
        if network.blur_pool && !recipe.blur_pool {
            changes.push("blur_pool = true".to_owned());
        }
        if recipe.resnet_d != network.resnet_d {
            changes.push(format!("resnet_d = {}", network.resnet_d));
        }
        ensure!(
            changes.is_empty(),
            "the weights are of {own}, but the recipe names another network: set {}",
            changes.join(", ")
        );
        Ok(())
    }

    pub(super) fn normalisation(&self) -> Normalisation {
        Normalisation::new(&self.mean, &self.std)
    }
}

/// The keys of a recipe that name one of timm's networks.
struct Network {
    model: String,
    se: u32,
    blur_pool: bool,
    resnet_d: bool,
}

impl Network {
    /// The network that timm calls `name`, such as `seresnet50` or `resnetblur50d`; `None` where mindgap does not build it.
    fn called(name: &str) -> Option<Self> {
        let (name, se) = name.strip_prefix("se").map_or((name, 0), |rest| (rest, 16));
        let rest = name.strip_prefix("resnet")?;
        let (rest, blur_pool) = rest.strip_prefix("blur").map_or((rest, false), |rest| (rest, true));
        let (depth, resnet_d) = rest.strip_suffix('d').map_or((rest, false), |rest| (rest, true));
        let model = format!("resnet{depth}");
        IMAGENET_MODELS.contains(&model.as_str()).then_some(Self { model, se, blur_pool, resnet_d })
    }
}

impl fmt::Display for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [_, height, width] = self.input_size;
        let (classes, normalisation) = (self.num_classes, self.normalisation());
        write!(
            f,
            "{} with {classes} classes, trained on {width}x{height} pixels with {normalisation}",
            self.architecture
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The form of timm's files; the values that matter here.
    fn config(architecture: &str) -> String {
        format!(
            r#"{{"architecture": "{architecture}", "num_classes": 1000, "num_features": 512,
                "pretrained_cfg": {{"tag": "a1_in1k", "custom_load": false, "input_size": [3, 224, 224],
                    "mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25], "first_conv": "conv1", "classifier": "fc"}}}}"#
        )
    }

    fn card(architecture: &str) -> Card {
        Card::parse(config(architecture).as_bytes()).unwrap().unwrap()
    }

    #[test]
    fn timms_description_is_read_and_others_are_left_aside() {
        let found =
            "resnet18 with 1000 classes, trained on 224x224 pixels with mean 0.500 0.500 0.500, std 0.250 0.250 0.250";
        assert_eq!(card("resnet18").to_string(), found);
        assert_eq!(Card::parse(br#"{"architectures": ["ResNetForImageClassification"]}"#).unwrap(), None);
        let bare = Card::parse(br#"{"architecture": "resnet50", "pretrained_cfg": {}}"#).unwrap().unwrap();
        assert_eq!((bare.mean[0], bare.input_size[1]), (0.485, 224));
        assert!(Card::parse(config("resnet18").replace("0.25, 0.25]", "0]").as_bytes()).is_err());
        assert!(Card::parse(b"[]").is_err());
    }

    #[test]
    fn weights_of_other_networks_are_refused_in_words() {
        let recipe = |model: &str| Recipe { model: model.into(), ..Recipe::default() };
        card("resnet18").check_fits(&recipe("resnet18")).unwrap();
        for (architecture, model, words) in [
            ("resnet50", "resnet18", "set model = \"resnet50\""),
            ("resnet18d", "resnet18", "names another network: set resnet_d = true"),
            ("resnet18t", "resnet18", "whose stem is three small convolutions where resnet18 has one of 7x7"),
            ("resnet152", "resnet50", "the weights are of resnet152; mindgap builds resnet18, resnet34, resnet50"),
            ("seresnet50", "resnet50", "set se = 16"),
            ("resnetblur101d", "resnet50", "set model = \"resnet101\", blur_pool = true, resnet_d = true"),
            ("seresnext50", "resnet50", "the weights are of seresnext50; mindgap builds"),
            ("vit_base_patch16_224", "resnet50", "the weights are of vit_base_patch16_224"),
        ] {
            let error = card(architecture).check_fits(&recipe(model)).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn timms_names_are_read_as_keys() {
        let own = Recipe { model: "resnet50".into(), se: 16, blur_pool: true, resnet_d: true, ..Recipe::default() };
        let plain = Recipe { model: "resnet50".into(), ..Recipe::default() };
        card("seresnet50").check_fits(&Recipe { se: 16, ..plain.clone() }).unwrap();
        card("resnet50d").check_fits(&Recipe { resnet_d: true, ..plain.clone() }).unwrap();
        card("resnet50").check_fits(&Recipe { blur_pool: true, ..plain.clone() }).unwrap();
        card("seresnetblur50d").check_fits(&own).unwrap();
        let error = card("resnet50").check_fits(&own).unwrap_err().to_string();
        assert!(error.ends_with("set se = 0, resnet_d = false"), "{error}");
    }
}
