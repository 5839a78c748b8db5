//! The description of a trained network: what a program needs, beside the weights, to use it on images.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::Architecture;
use crate::recipe::Recipe;

/// The description of a trained network, stored with its weights. In a safetensors file each field is an entry of the
/// metadata; other formats hold the description as one JSON text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// The classes in the order of the logits.
    pub classes: Vec<String>,
    /// Channels of an image: 1 (grey) or 3 (RGB).
    pub channels: u32,
    /// Width and height of an image \[pixels\].
    pub size: u32,
    /// Mean of the training pixels per channel, scaled to 0–1.
    pub mean: Vec<f32>,
    /// Standard deviation of the training pixels per channel, scaled to 0–1.
    pub std: Vec<f32>,
    /// The temperature, fitted on val, by which logits are divided before the softmax for calibrated probabilities.
    pub temperature: Option<f64>,
    /// The epoch after which the weights were taken.
    pub epoch: u32,
    /// The recipe of the training, as TOML.
    pub recipe: String,
}

impl Description {
    /// The name of the file in an archive that holds the description as JSON.
    pub const FILE: &str = "mindgap.json";

    /// The network's architecture.
    ///
    /// # Errors
    /// The recipe cannot be read, or names a network that this version of mindgap does not know.
    pub fn architecture(&self) -> Result<Architecture> {
        Architecture::new(&self.recipe()?, self.channels, self.classes.len())
    }

    /// The recipe.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn recipe(&self) -> Result<Recipe> {
        toml::from_str(&self.recipe).context("its recipe cannot be read")
    }

    /// The entries of a safetensors file's metadata. `format` tells Python's readers that the arrays have PyTorch's
    /// layout.
    pub fn metadata(&self) -> BTreeMap<String, String> {
        let mut metadata = BTreeMap::from([("format".to_owned(), "pt".to_owned())]);
        for (key, value) in [
            ("classes", serde_json::json!(self.classes).to_string()),
            ("channels", self.channels.to_string()),
            ("size", self.size.to_string()),
            ("mean", serde_json::json!(self.mean).to_string()),
            ("std", serde_json::json!(self.std).to_string()),
            ("epoch", self.epoch.to_string()),
            ("recipe", self.recipe.clone()),
        ] {
            metadata.insert(key.to_owned(), value);
        }
        if let Some(temperature) = self.temperature {
            metadata.insert("temperature".to_owned(), temperature.to_string());
        }
        metadata
    }

    /// The description in a safetensors file's metadata, as [`Description::metadata`] writes it.
    /// Fails if an entry is missing or invalid.
    pub(crate) fn from_metadata(metadata: &BTreeMap<String, String>) -> Result<Self> {
        Self {
            classes: json(metadata, "classes")?,
            channels: json(metadata, "channels")?,
            size: json(metadata, "size")?,
            mean: json(metadata, "mean")?,
            std: json(metadata, "std")?,
            temperature: metadata.contains_key("temperature").then(|| json(metadata, "temperature")).transpose()?,
            epoch: json(metadata, "epoch")?,
            recipe: text(metadata, "recipe")?.to_owned(),
        }
        .checked()
    }

    /// The description as JSON.
    pub(crate) fn to_json(&self) -> String {
        serde_json::json!(self).to_string()
    }

    /// The description in a JSON text, as [`Description::to_json`] writes it.
    /// Fails if it is no such JSON, or if a value is impossible.
    pub(crate) fn from_json(json: &str) -> Result<Self> {
        serde_json::from_str::<Self>(json).context("its description cannot be read")?.checked()
    }

    /// Refuses values that no training can have written, before a network is built from them.
    fn checked(self) -> Result<Self> {
        let Self { classes, channels, size, mean, std, temperature, .. } = &self;
        ensure!((2..=1 << 16).contains(&classes.len()), "it names {} classes", classes.len());
        ensure!([1, 3].contains(channels), "images of {channels} channels: 1 and 3 are possible");
        ensure!((1..=4096).contains(size), "images of {size} pixels a side: 1 to 4096 are possible");
        let each = *channels as usize;
        ensure!(mean.len() == each && std.len() == each, "mean and std must have one number for each channel");
        ensure!(mean.iter().all(|mean| mean.is_finite()), "a mean is not finite");
        ensure!(std.iter().all(|&std| std > 0.0 && std.is_finite()), "a standard deviation is not above 0");
        ensure!(
            temperature.is_none_or(|temperature| temperature > 0.0 && temperature.is_finite()),
            "its temperature is not above 0"
        );
        Ok(self)
    }
}

/// The entry `key` of a safetensors file's metadata.
fn text<'a>(metadata: &'a BTreeMap<String, String>, key: &str) -> Result<&'a str> {
    let is_state = metadata.get("kind").is_some_and(|kind| kind.contains("training state"));
    let advice = if is_state {
        "it is a training state: give its run folder, or the model.safetensors beside it"
    } else {
        "mindgap's model files have it; weights from elsewhere are for the recipe key `pretrained`"
    };
    Ok(metadata.get(key).with_context(|| format!("its metadata have no {key:?}: {advice}"))?)
}

/// The JSON value of the entry `key` of a safetensors file's metadata.
fn json<T: DeserializeOwned>(metadata: &BTreeMap<String, String>, key: &str) -> Result<T> {
    serde_json::from_str(text(metadata, key)?).with_context(|| format!("{key:?} of its metadata cannot be read"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn description() -> Description {
        Description {
            classes: vec!["anger".into(), "joy \"2\"".into()],
            channels: 1,
            size: 48,
            mean: vec![0.507_743_9],
            std: vec![0.255],
            temperature: Some(1.3),
            epoch: 12,
            recipe: Recipe::default().to_toml(),
        }
    }

    #[test]
    fn a_description_is_read_back_from_both_formats() {
        for temperature in [None, Some(0.1 + 0.2)] {
            let description = Description { temperature, ..description() };
            assert_eq!(Description::from_metadata(&description.metadata()).unwrap(), description);
            assert_eq!(Description::from_json(&description.to_json()).unwrap(), description);
        }
    }

    #[test]
    fn impossible_values_are_refused() {
        for broken in [
            Description { classes: vec!["one".into()], ..description() },
            Description { channels: 2, ..description() },
            Description { size: 0, ..description() },
            Description { mean: vec![], ..description() },
            Description { std: vec![0.0], ..description() },
            Description { temperature: Some(-1.0), ..description() },
        ] {
            assert!(Description::from_json(&broken.to_json()).is_err(), "{broken:?}");
        }
        let mut metadata = description().metadata();
        metadata.remove("recipe");
        let error = Description::from_metadata(&metadata).unwrap_err().to_string();
        assert!(error.contains("no \"recipe\""), "{error}");
    }
}
