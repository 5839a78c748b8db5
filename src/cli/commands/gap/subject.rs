//! What is measured: a model's classes, and the probe and val of the data.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail, ensure};

use super::args::Args;
use crate::cli::flags::{
    input::{Input, class_numbers},
    model_data::ModelData,
};
use mindgap::{data::Dataset, export::Model, run::RunFolder, train::EvalSets};

pub struct Subject {
    /// The path or name of the data.
    pub source: String,
    pub data: Dataset,
    pub sets: EvalSets,
    /// The classes in the order of the model's outputs.
    pub classes: Vec<String>,
    /// The model's number of each of the data's classes.
    pub class_of: Vec<i64>,
    /// Whether the user stated what the model takes and gives, since its file does not.
    pub is_stated_by_user: bool,
    /// The epoch of the weights, where val chose another one than the last.
    pub chosen_epoch: Option<u32>,
}

impl Subject {
    /// Opens the data for `model`, which takes images of the form `input`.
    /// Fails if no data are named or they cannot be used; they have no val split, and are not those of the model's training; a class
    /// has no output, or the order of the classes is no list of them.
    pub fn open(args: &Args, model: &dyn Model, input: &Input) -> Result<Self> {
        let missing =
            "which data? A model file does not name any: add --data with the folder that the model was trained on";
        let wanted = ModelData::of(&args.model.path, model, input, &args.data, missing)?;
        let mut data = wanted.open()?;
        let is_described = model
            .description()
            .is_some_and(|about| about.classes == data.classes && about.mean == data.mean && about.std == data.std);
        ensure!(
            is_described || !data.is_val_drawn,
            "{:?} has no val split. One drawn here would hold images that the model was trained on, and the gap would \
             come out too small: name the folders of its training with --train-dir and --val-dir",
            wanted.source
        );
        let has_16bit = data.range_16bit.is_some();
        data.notes.extend(wanted.range_note(has_16bit));
        data.notes.extend(wanted.foreign_note(&data));
        let chosen = model.description().filter(|_| args.model.is_best_of_run()).map(|about| about.epoch);
        let chosen_epoch = match chosen {
            None => None,
            // The recipe beside the weights may be older than an extension of the run.
            Some(epoch) => {
                let recipe = RunFolder::open(&args.model.path)?.recipe()?;
                Some(epoch).filter(|&epoch| recipe.is_none_or(|recipe| recipe.epochs != epoch))
            }
        };
        let data_seed = args.data_seed.unwrap_or(wanted.recipe.data_seed);
        let sets = EvalSets::of(&data, data_seed);
        ensure!(
            !sets.probe.is_empty(),
            "the probe is empty: every training image also appears in val, or its group does; the data need training images of \
             their own"
        );
        let order = args.class_order.as_deref().map(class_order).transpose()?;
        let named = match (order, &input.classes) {
            (Some(_), Some(_)) => {
                bail!("--class-order is for models that do not state it; this one does: leave it out")
            }
            (order, classes) => order.or_else(|| classes.clone()),
        };
        let classes = named.unwrap_or_else(|| data.classes.clone());
        let class_of = class_numbers(&data.classes, &classes, &wanted.merges)?;
        Ok(Self {
            source: wanted.source,
            data,
            sets,
            classes,
            class_of,
            is_stated_by_user: model.description().is_none(),
            chosen_epoch,
        })
    }
}

/// The classes that `text` lists, or that are on the lines of the file it names.
fn class_order(text: &str) -> Result<Vec<String>> {
    let names: Vec<String> = if Path::new(text).is_file() {
        let lines = fs::read_to_string(text).with_context(|| format!("--class-order {text} cannot be read"))?;
        lines.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
    } else {
        text.split(',').map(|name| name.trim().to_owned()).collect()
    };
    ensure!(
        names.len() > 1,
        "--class-order {text}: expected the classes, separated by commas, or a file with one on each line"
    );
    for (number, name) in names.iter().enumerate() {
        ensure!(!names[..number].contains(name), "--class-order names {name:?} twice");
    }
    Ok(names)
}
