//! What is measured: a model's classes, and the probe and val of the data.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail, ensure};

use super::args::Args;
use crate::cli::flags::input::{Input, KEEP_HIGH_BYTE, class_numbers};
use mindgap::{data::Dataset, export::Model, recipe::Recipe, run::RunFolder, train::EvalSets};

/// The data for a model.
pub struct Subject {
    /// The path or name of the data.
    pub source: String,
    /// The opened data.
    pub data: Dataset,
    /// Probe and val.
    pub sets: EvalSets,
    /// The classes in the order of the model's outputs.
    pub classes: Vec<String>,
    /// The model's number of each of the data's classes.
    pub class_of: Vec<i64>,
    /// Whether the user stated what the model takes and gives, since its file does not.
    pub is_stated_by_user: bool,
}

impl Subject {
    /// Opens the data for `model`, which takes images of the form `input`.
    /// Fails if no data are named or they cannot be used; they have no val split, and are not those of the model's training; a class
    /// has no output, or the order of the classes is no list of them.
    pub fn open(args: &Args, model: &dyn Model, input: &Input) -> Result<Self> {
        let path = &args.model.path;
        let run = if path.is_dir() { Some(RunFolder::open(path)?.environment()?) } else { None };
        let asked = args.data.source.clone();
        let source = asked.clone().or_else(|| run.as_ref().map(|run| run.data.place().to_owned())).context(
            "which data? A model file does not name any: add --data with the folder that the model was trained on",
        )?;
        let own = run.as_ref().filter(|run| asked.is_none_or(|source| run.data.is_at(&source)));
        let exclude = args.data.exclude.clone().or_else(|| own.and_then(|run| run.data.exclude.clone()));
        let folders = own.map(|run| run.folders.clone()).unwrap_or_default();
        let trained = model.description().map(|about| about.recipe()).transpose()?.unwrap_or_default();
        let data_seed = args.data_seed.unwrap_or(trained.data_seed);
        // A model without a recorded range was trained on 8-bit images, or with the high byte of 16-bit ones.
        let range_16bit = Some(input.range_16bit.unwrap_or([0, u16::MAX]));
        let recipe =
            Recipe { img_size: Some(input.size), in_chans: Some(input.channels), range_16bit, data_seed, ..trained };
        let skipped_before = own.is_some_and(|run| run.data.bad_files > 0);
        let mut data = args.data.reading(exclude, &folders).open(&source, &recipe, skipped_before)?;
        let is_own = model
            .description()
            .is_some_and(|about| about.classes == data.classes && about.mean == data.mean && about.std == data.std);
        ensure!(
            is_own || !data.is_val_drawn,
            "{source:?} has no val split. One drawn here would hold images that the model was trained on, and the gap would \
             come out too small: name the folders of its training with --train-dir and --val-dir"
        );
        if input.range_16bit.is_none() && data.range_16bit.is_some() {
            data.notes.push(KEEP_HIGH_BYTE.to_owned());
        }
        let sets = EvalSets::of(&data, data_seed);
        ensure!(
            !sets.probe.is_empty(),
            "the probe is empty: every training image also appears in val, pixel for pixel; the data need training images of \
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
        let class_of = class_numbers(&data.classes, &classes)?;
        Ok(Self { source, data, sets, classes, class_of, is_stated_by_user: model.description().is_none() })
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
