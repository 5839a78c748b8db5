//! A line of the ledger: what it says, and the hash that chains it to the line before.

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::durable::sha256;

/// The first line of a ledger: what is sealed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sealed {
    /// A name that no other seal has, 32 hex digits.
    pub id: String,
    /// When it was sealed, UTC.
    pub time: String,
    /// mindgap's version.
    pub mindgap: String,
    /// Path of the data, as the user gave it.
    pub source: String,
    /// [`TestImages::fingerprint`](super::TestImages::fingerprint).
    pub fingerprint: String,
    /// Number of images.
    pub images: usize,
    /// The classes that have images, sorted by name.
    pub classes: Vec<String>,
    /// Whether the images have groups, such as patients.
    pub has_groups: bool,
    /// SHA-256 of the file of the images.
    pub images_hash: String,
}

/// The model of an evaluation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LookedModel {
    /// Path of the model, as the user gave it.
    pub model: String,
    /// What it is: `run, best epoch`, `run, last epoch`, `safetensors` or `torchscript`.
    pub weights: String,
    /// SHA-256 of the file with the weights.
    pub model_hash: String,
    /// SHA-256 of the recipe as JSON; absent for a model that does not state its recipe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe: Option<String>,
    /// The views over which predictions were averaged: `none`, `flip` or `ten-crop`.
    pub views: String,
}

/// An evaluation on the test set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Look {
    /// When, UTC.
    pub time: String,
    /// mindgap's version.
    pub mindgap: String,
    /// The model.
    #[serde(flatten)]
    pub model: LookedModel,
    /// Number of images.
    pub n: usize,
    /// Mean loss \[nats\].
    pub test_loss: f64,
    /// The share of images whose most probable class is their label \[%\].
    pub test_acc: f64,
    /// Name of the file with the loss of each image, beside the ledger.
    pub results: String,
    /// SHA-256 of that file.
    pub results_hash: String,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(super) enum Entry {
    Seal(Sealed),
    Look(Look),
}

/// A line of the ledger. Its text ends with the member `hash`, which [`to_text`](Self::to_text) adds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Line {
    /// The number of the line, from 1.
    pub number: usize,
    #[serde(flatten)]
    pub entry: Entry,
    /// The hash of the line before; empty in the first.
    pub previous: String,
}

/// What stands between the text that is hashed and the hash.
const BEFORE_HASH: &str = ",\"hash\":\"";
/// What stands after the hash.
const AFTER_HASH: &str = "\"}";

impl Line {
    /// The line as text without a line break, and its hash: the SHA-256 of the text up to the member `hash`.
    pub fn to_text(&self) -> Result<(String, String)> {
        let json = serde_json::to_string(self)?;
        let hashed = json.strip_suffix('}').context("a line of a ledger is a JSON object")?;
        let hash = sha256(hashed.as_bytes());
        Ok((format!("{hashed}{BEFORE_HASH}{hash}{AFTER_HASH}"), hash))
    }
}

/// The hash that `text`, a line of a ledger, ends with.
/// Fails if the text has no hash, or was changed since the hash was computed.
pub(super) fn verified_hash(text: &str) -> Result<String> {
    let parts = text.strip_suffix(AFTER_HASH).and_then(|text| text.rsplit_once(BEFORE_HASH));
    let (hashed, hash) = parts.context("it has no hash at its end")?;
    ensure!(sha256(hashed.as_bytes()) == hash, "it was changed after it was written: its hash is not that of its text");
    Ok(hash.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_ends_with_the_hash_of_its_text_and_no_digit_can_change() {
        let hashed = r#"{"number":1,"source":"my,\"hash\":\" photos","images":3"#;
        let text = format!("{hashed}{BEFORE_HASH}{}{AFTER_HASH}", sha256(hashed.as_bytes()));
        assert_eq!(verified_hash(&text).unwrap(), sha256(hashed.as_bytes()));
        let changed = text.replace("\"images\":3", "\"images\":4");
        assert!(verified_hash(&changed).unwrap_err().to_string().contains("changed"));
        assert!(verified_hash("{\"number\":1}").unwrap_err().to_string().contains("no hash"));
    }
}
