//! Recipes with a name and a reason, embedded in the program.

use anyhow::{Result, anyhow};

use super::suggest::nearest;

/// One preset: a recipe file whose comments give its reason and its evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// Its name on the command line.
    pub name: &'static str,
    /// Its text, a recipe file.
    pub toml: &'static str,
}

impl Preset {
    /// Its first line: what it is, in one sentence.
    pub fn summary(&self) -> &'static str {
        self.toml.lines().next().unwrap_or_default().trim_start_matches("# ")
    }
}

macro_rules! embed {
    ($($name:literal),+ $(,)?) => {
        &[$(Preset { name: $name, toml: include_str!(concat!("presets/", $name, ".toml")) }),+]
    };
}

/// Every preset, in the order in which they are listed.
pub const ALL: &[Preset] = embed![
    "seed",
    "longer",
    "wider",
    "dropout",
    "weight-decay",
    "augment",
    "mixup",
    "smoothing",
    "ema",
    "closed",
    "closed-hour",
    "closed-sgd",
    "closed-small",
    "fast",
    "labels",
    "fine-tune",
    "demo",
];

/// The preset that starts from pretrained weights: without any it makes no sense.
pub const FINE_TUNE: &str = "fine-tune";

/// The preset of networks that judge labels.
pub const LABELS: &str = "labels";

/// The preset called `name`.
///
/// # Errors
/// There is none; the message suggests the nearest.
pub fn get(name: &str) -> Result<&'static Preset> {
    ALL.iter().find(|preset| preset.name == name).ok_or_else(|| {
        let names: Vec<&str> = ALL.iter().map(|preset| preset.name).collect();
        let suggestion = nearest(name, names.iter().copied());
        anyhow!("there is no preset `{name}` among {}{suggestion}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::recipe::{Layers, Recipe, resolve};

    #[test]
    fn every_preset_resolves_and_opens_with_a_summary_a_reason_and_its_evidence() {
        for preset in ALL {
            Recipe::preset(preset.name).expect(preset.name);
            let comments = preset.toml.split("\n\n").next().unwrap_or_default();
            assert!(comments.lines().all(|line| line.starts_with('#')), "{}", preset.name);
            assert!(comments.contains("\n# Why: ") && comments.contains("\n# Evidence: "), "{}", preset.name);
            assert!(preset.summary().ends_with('.') && preset.summary().len() <= 90, "{}", preset.summary());
        }
    }

    #[test]
    fn the_seed_preset_is_the_default_and_states_all_that_is_known_of_the_reference_run() {
        let seed = Recipe::preset("seed").unwrap();
        assert_eq!(seed, Recipe::default().complete().unwrap());
        let text = get("seed").unwrap().toml;
        for key in ["epochs", "batch_size", "opt", "lr", "momentum", "nesterov", "weight_decay"] {
            assert!(text.contains(&format!("\n{key} = ")), "{key}");
        }
    }

    #[test]
    fn a_preset_is_stretched_as_the_key_stretches_it() {
        for preset in ALL.iter().filter(|preset| !preset.toml.contains("[multiply]\nepochs")) {
            for epochs in [1, 2, 3, 5, 7, 11, 13, 15, 50, 70, 99, 333] {
                let layers = Layers::default().preset(preset.name).unwrap();
                let by_key = resolve(&layers.keys(&json!({ "epochs": epochs })).unwrap()).unwrap();
                assert_eq!(Recipe::preset(preset.name).unwrap().epochs(epochs), by_key, "{} {epochs}", preset.name);
            }
        }
        assert_eq!(Recipe::preset("longer").unwrap().epochs(50), Recipe::preset("seed").unwrap());
        let error = Recipe::preset("demo").unwrap().epochs(0).validate().unwrap_err().to_string();
        assert!(error.contains("epochs = 0"), "{error}");
    }

    #[test]
    fn every_preset_suits_images_of_usual_sizes() {
        for preset in ALL {
            for (side, channels) in [(28, 1), (32, 3), (48, 1), (96, 3), (224, 3)] {
                let (img_size, in_chans) = (Some(side), Some(channels));
                let recipe = Recipe { img_size, in_chans, ..Recipe::preset(preset.name).unwrap() };
                match recipe.validate() {
                    Ok(()) => {}
                    // The network that pretrained weights are for.
                    Err(error) if preset.name == FINE_TUNE && side < 32 => {
                        assert!(error.to_string().contains("give at least 32"), "{error}")
                    }
                    Err(error) => panic!("{}, {side} pixels: {error}", preset.name),
                }
            }
        }
    }
}
