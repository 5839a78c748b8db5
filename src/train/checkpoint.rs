//! The full training state as one file, and back.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, Result, bail, ensure};
use tch::Tensor;

use super::{
    EarlyStopping, Position, TrainState, Trainer,
    loss_scale::LossScaleState,
    trainer::{AVERAGE, MODEL},
};
use crate::{
    durable::{Archive, Array},
    model::{Description, weights},
    recipe::Recipe,
    run::{DataSource, Outputs},
    stats::{Logits, fit_temperature},
};

/// Version of the file's contents. A newer one is refused. Version 1 had no averaged weights and no early stopping;
/// up to version 2 every number of the state had a metadata key of its own, and the loss scale was stored as tensors.
const FORMAT: u32 = 3;

/// A training state on the host, with the recipe and the data that it belongs to.
#[derive(Debug)]
pub struct Checkpoint {
    /// The recipe it was trained with.
    pub recipe: Recipe,
    /// Fingerprint of the data it was trained on.
    pub data_fingerprint: String,
    /// The state apart from tensors.
    pub state: TrainState,
    /// The tensors of network, average and optimizer.
    arrays: Vec<Array>,
}

impl Checkpoint {
    /// A copy of `trainer`'s state.
    ///
    /// # Errors
    /// An exception of libtorch.
    pub fn of(trainer: &Trainer, data_fingerprint: &str) -> Result<Self> {
        let arrays = trainer.tensors().into_iter().map(|(name, tensor)| weights::to_array(name, tensor));
        Ok(Self {
            recipe: trainer.recipe.clone(),
            data_fingerprint: data_fingerprint.to_owned(),
            state: trainer.state()?,
            arrays: arrays.collect::<Result<_>>()?,
        })
    }

    /// Whether it was taken after an epoch, not within one.
    pub fn is_after_epoch(&self) -> bool {
        self.state.position.updates == 0
    }

    /// Replaces the state of `trainer`. Everything is checked before anything changes.
    ///
    /// # Errors
    /// A tensor is missing, or is of another shape or type.
    pub fn restore(&self, trainer: &mut Trainer) -> Result<()> {
        weights::restore(trainer.tensors(), &self.arrays.iter().collect::<Vec<_>>())?;
        trainer.set_state(&self.state);
        Ok(())
    }

    /// The model's tensors alone, the averaged ones where there are any, under torchvision's names. Every norm gets the
    /// `num_batches_tracked` that PyTorch's `state_dict` has.
    ///
    /// # Errors
    /// An exception of libtorch.
    pub fn network(&self) -> Result<Vec<Array>> {
        let prefix = if self.state.averaged > 0 { AVERAGE } else { MODEL };
        let mut network = Vec::new();
        for array in &self.arrays {
            let Some(name) = array.name.strip_prefix(prefix) else { continue };
            network.push(Array { name: name.to_owned(), ..array.clone() });
            if let Some(norm) = name.strip_suffix("running_var") {
                let updates = Tensor::from(self.state.optimizer_updates as i64);
                network.push(weights::to_array(format!("{norm}num_batches_tracked"), &updates)?);
            }
        }
        Ok(network)
    }

    /// What a user of the model must know: classes, normalisation, temperature, recipe. `data` describes the data of the
    /// run, and `val` holds the model's outputs on val.
    ///
    /// # Errors
    /// `data` does not say what channels or size the images have.
    pub fn description(&self, data: &DataSource, val: &Outputs) -> Result<Description> {
        let unknown = "environment.json does not say which channels and size the images have";
        let logits = Logits::new(&val.logits, &val.labels, data.classes.len());
        Ok(Description {
            classes: data.classes.clone(),
            channels: data.channels.context(unknown)?,
            size: data.size.context(unknown)?,
            mean: data.mean.clone(),
            std: data.std.clone(),
            temperature: Some(fit_temperature(&logits)).filter(|temperature| temperature.is_finite()),
            epoch: self.state.position.epochs,
            recipe: self.recipe.to_toml(),
        })
    }

    /// The file's contents.
    pub fn to_archive(&self) -> Archive {
        let state = serde_json::to_string(&self.state).expect("plain numbers have a JSON form");
        let metadata = [
            ("kind", "mindgap training state".to_owned()),
            ("format", FORMAT.to_string()),
            ("recipe", self.recipe.to_toml()),
            ("data_fingerprint", self.data_fingerprint.clone()),
            ("state", state),
        ];
        let metadata = metadata.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        Archive { metadata, arrays: self.arrays.clone() }
    }

    /// Reads a checkpoint; its checksum, kind and format are verified first.
    ///
    /// # Errors
    /// The file is missing, damaged, of another kind or of a newer format.
    pub fn load(path: &Path) -> Result<Self> {
        let Archive { metadata, arrays } = Archive::load(path)?;
        Self::from_parts(&metadata, arrays).with_context(|| format!("{} is no usable checkpoint", path.display()))
    }

    fn from_parts(metadata: &BTreeMap<String, String>, mut arrays: Vec<Array>) -> Result<Self> {
        let Some(format) = metadata.get("format") else { bail!("it does not say which format it has") };
        let format: u32 = format.parse().context("its format is no number")?;
        ensure!(
            format <= FORMAT,
            "it has format {format}, this mindgap reads up to {FORMAT}: a newer mindgap wrote it, use that one"
        );
        let state = if format < 3 {
            old_state(metadata, format, &mut arrays)?
        } else {
            serde_json::from_str(text(metadata, "state")?).context("its state cannot be read")?
        };
        Ok(Self {
            recipe: toml::from_str(text(metadata, "recipe")?).context("its recipe cannot be read")?,
            data_fingerprint: text(metadata, "data_fingerprint")?.to_owned(),
            state,
            arrays,
        })
    }
}

/// The state in a file of `format` 1 or 2. The tensors of the loss scale are removed from `arrays`.
fn old_state(metadata: &BTreeMap<String, String>, format: u32, arrays: &mut Vec<Array>) -> Result<TrainState> {
    let mut state = TrainState {
        position: Position {
            epochs: number(metadata, "epochs")?,
            updates: number(metadata, "updates_in_epoch")?,
            loss_sum: number(metadata, "loss_sum")?,
        },
        optimizer_updates: number(metadata, "optimizer_updates")?,
        ..TrainState::default()
    };
    if format == 2 {
        let lowest: f64 = number(metadata, "lowest_val_loss")?;
        state.averaged = number(metadata, "averaged")?;
        state.early_stopping = EarlyStopping {
            lowest_val_loss: Some(lowest).filter(|lowest| lowest.is_finite()),
            epochs_since: number(metadata, "epochs_since_lowest")?,
        };
    }
    let mut loss_scale = LossScaleState::default();
    for array in arrays.iter() {
        match array.name.as_str() {
            "loss_scale/scale" => loss_scale.scale = scalar(array)?,
            "loss_scale/clean_updates" => loss_scale.clean_updates = scalar(array)?,
            _ => continue,
        }
        state.loss_scale = Some(loss_scale);
    }
    arrays.retain(|array| !array.name.starts_with("loss_scale/"));
    Ok(state)
}

/// The number in a float32 scalar.
fn scalar(array: &Array) -> Result<f64> {
    let bytes = array.bytes.as_slice().try_into().ok().with_context(|| format!("its `{}` is no scalar", array.name))?;
    Ok(f32::from_le_bytes(bytes).into())
}

fn text<'a>(metadata: &'a BTreeMap<String, String>, key: &str) -> Result<&'a str> {
    metadata.get(key).map(String::as_str).with_context(|| format!("it lacks `{key}`"))
}

fn number<T: std::str::FromStr>(metadata: &BTreeMap<String, String>, key: &str) -> Result<T> {
    let value = text(metadata, key)?;
    value.parse().ok().with_context(|| format!("its `{key}` is `{value}`, not a number"))
}
