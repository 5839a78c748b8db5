//! The full training state as one file, and back.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, Result, bail, ensure};
use tch::Tensor;

use super::{LossScale, Patience, Position, Trainer};
use crate::{
    durable::{Archive, Array},
    model::{Description, Parameters, weights},
    recipe::Recipe,
    run::{DataSource, Outputs},
    stats::{Logits, fit_temperature},
};

/// Version of the file's contents. A reader refuses a newer one. Version 1 knew no averaged weights and no patience.
const FORMAT: u32 = 2;
/// Marks the network's own tensors among those of the state.
const MODEL: &str = "model/";
/// Marks the averaged network's.
const AVERAGE: &str = "average/";

/// A training state on the host: network, optimiser memory, position, and what it belongs to.
#[derive(Debug)]
pub struct Checkpoint {
    /// The recipe it was trained with.
    pub recipe: Recipe,
    /// Fingerprint of the data it was trained on.
    pub data_fingerprint: String,
    /// Where the run stood.
    pub position: Position,
    optimizer_updates: u64,
    /// How many weights went into the average; 0 where there is none yet.
    averaged: u64,
    patience: Patience,
    arrays: Vec<Array>,
}

/// The tensors of a network under `mark`.
fn marked<'a>(mark: &str, parameters: &'a Parameters) -> impl Iterator<Item = (String, &'a Tensor)> {
    parameters.all().iter().map(move |parameter| (format!("{mark}{}", parameter.name), &parameter.tensor))
}

/// Every tensor of `trainer`'s state, by name.
pub(super) fn tensors(trainer: &Trainer) -> Vec<(String, &Tensor)> {
    let average = trainer.average.iter().flat_map(|average| marked(AVERAGE, &average.network.parameters));
    let scale = trainer.loss_scale.iter().flat_map(LossScale::state);
    marked(MODEL, &trainer.model.parameters).chain(average).chain(trainer.optimizer.memory()).chain(scale).collect()
}

impl Checkpoint {
    /// A copy of `trainer`'s state.
    pub fn of(trainer: &Trainer, data_fingerprint: &str) -> Result<Self> {
        let arrays = tensors(trainer).into_iter().map(|(name, tensor)| weights::to_array(name, tensor));
        Ok(Self {
            recipe: trainer.recipe.clone(),
            data_fingerprint: data_fingerprint.to_owned(),
            position: trainer.position,
            optimizer_updates: trainer.optimizer.updates,
            averaged: trainer.average.as_ref().map_or(0, |average| average.count),
            patience: trainer.patience,
            arrays: arrays.collect::<Result<_>>()?,
        })
    }

    /// Puts the state into `trainer`. Everything is checked before anything changes.
    pub fn restore(&self, trainer: &mut Trainer) -> Result<()> {
        weights::restore(tensors(trainer), &self.arrays.iter().collect::<Vec<_>>())?;
        if let Some(average) = &mut trainer.average {
            average.count = self.averaged;
        }
        trainer.patience = self.patience;
        trainer.position = self.position;
        trainer.optimizer.updates = self.optimizer_updates;
        Ok(())
    }

    /// The model's tensors alone, the averaged ones where there are any, under torchvision's names. Every norm gets the
    /// `num_batches_tracked` that PyTorch's `state_dict` has.
    pub fn network(&self) -> Vec<Array> {
        let mark = if self.averaged > 0 { AVERAGE } else { MODEL };
        let mut network = Vec::new();
        for array in &self.arrays {
            let Some(name) = array.name.strip_prefix(mark) else { continue };
            network.push(Array { name: name.to_owned(), ..array.clone() });
            if let Some(norm) = name.strip_suffix("running_var") {
                network.push(Array {
                    name: format!("{norm}num_batches_tracked"),
                    dtype: safetensors::Dtype::I64,
                    shape: Vec::new(),
                    bytes: self.optimizer_updates.to_le_bytes().to_vec(),
                });
            }
        }
        network
    }

    /// What one must know of the model to use it; `data` are those of its run, `val` the model's outputs there.
    pub fn description(&self, data: &DataSource, val: &Outputs) -> Description {
        let logits = Logits::new(&val.logits, &val.labels, data.classes.len());
        Description {
            classes: data.classes.clone(),
            channels: data.channels,
            size: data.size,
            mean: data.mean.clone(),
            std: data.std.clone(),
            temperature: Some(fit_temperature(&logits)).filter(|temperature| temperature.is_finite()),
            epoch: self.position.epochs,
            recipe: self.recipe.to_toml(),
        }
    }

    /// The file's contents.
    pub fn to_archive(&self) -> Archive {
        let metadata = [
            ("kind", "mindgap training state".to_owned()),
            ("format", FORMAT.to_string()),
            ("recipe", self.recipe.to_toml()),
            ("data_fingerprint", self.data_fingerprint.clone()),
            ("epochs", self.position.epochs.to_string()),
            ("updates_in_epoch", self.position.updates.to_string()),
            // All the digits that a double has: Rust prints the shortest text that reads back to the same bits.
            ("loss_sum", self.position.loss_sum.to_string()),
            ("optimizer_updates", self.optimizer_updates.to_string()),
            ("averaged", self.averaged.to_string()),
            ("lowest_val_loss", self.patience.lowest.to_string()),
            ("epochs_since_lowest", self.patience.epochs.to_string()),
        ];
        let metadata = metadata.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        Archive { metadata, arrays: self.arrays.clone() }
    }

    /// Reads a checkpoint; its checksum, kind and format are verified first.
    pub fn load(path: &Path) -> Result<Self> {
        let Archive { metadata, arrays } = Archive::load(path)?;
        Self::from_parts(&metadata, arrays).with_context(|| format!("{} is no usable checkpoint", path.display()))
    }

    fn from_parts(metadata: &BTreeMap<String, String>, arrays: Vec<Array>) -> Result<Self> {
        let Some(format) = metadata.get("format") else { bail!("it does not say which format it has") };
        let format: u32 = format.parse().context("its format is no number")?;
        ensure!(
            format <= FORMAT,
            "it has format {format}, this mindgap reads up to {FORMAT}: a newer mindgap wrote it, use that one"
        );
        Ok(Self {
            recipe: toml::from_str(text(metadata, "recipe")?).context("its recipe cannot be read")?,
            data_fingerprint: text(metadata, "data_fingerprint")?.to_owned(),
            position: Position {
                epochs: number(metadata, "epochs")?,
                updates: number(metadata, "updates_in_epoch")?,
                loss_sum: number(metadata, "loss_sum")?,
            },
            optimizer_updates: number(metadata, "optimizer_updates")?,
            averaged: if format == 1 { 0 } else { number(metadata, "averaged")? },
            patience: if format == 1 {
                Patience::default()
            } else {
                Patience {
                    lowest: number(metadata, "lowest_val_loss")?,
                    epochs: number(metadata, "epochs_since_lowest")?,
                }
            },
            arrays,
        })
    }
}

fn text<'a>(metadata: &'a BTreeMap<String, String>, key: &str) -> Result<&'a str> {
    metadata.get(key).map(String::as_str).with_context(|| format!("it lacks `{key}`"))
}

fn number<T: std::str::FromStr>(metadata: &BTreeMap<String, String>, key: &str) -> Result<T> {
    let value = text(metadata, key)?;
    value.parse().ok().with_context(|| format!("its `{key}` is `{value}`, not a number"))
}
