//! What is evaluated: a model, and the data that its run, its description or the flags name.

use anyhow::{Context, Result, ensure};

use super::{
    args::Args,
    evaluation::Groups,
    figures::{KnownLeaks, Leaks},
};
use crate::cli::flags::{
    input::{Input, class_numbers},
    model_data::ModelData,
};
use mindgap::{
    data::{Dataset, SingleSplit, Split, SplitName},
    export::Model,
};

/// The data for a model, opened as its training opened them.
pub struct Subject {
    pub input: Input,
    /// The path or name of the data.
    pub source: String,
    /// What the user should know about how the data were read.
    pub notes: Vec<String>,
    /// The classes in the order of the logits.
    pub classes: Vec<String>,
    /// The model's number of each of the data's classes.
    pub class_of: Vec<i64>,
    data: Data,
}

enum Data {
    Whole {
        data: Box<Dataset>,
        /// Whether train holds the images that the model was trained on.
        is_own: bool,
    },
    /// The split to measure, without train.
    SingleSplit(Split),
}

impl Subject {
    /// Opens the data for `model`, whose input is `input`.
    /// Fails if no data are named or they cannot be used, they hold a class that the model does not know, or the split would be
    /// drawn from images that are not the model's.
    pub fn open(args: &Args, model: &dyn Model, input: Input) -> Result<Self> {
        let missing =
            "which data? A model file does not name any: add --data (a run folder names the data of its training)";
        let wanted = ModelData::of(&args.model.path, model, &input, &args.data, missing)?;
        let known = input.classes.clone().unwrap_or_default();
        // The run's own data have a train split, even where the folder holds classes alone: opening such a folder as one
        // split would measure images that the model was trained on.
        let alone = if wanted.is_of_run {
            None
        } else {
            let ModelData { source, recipe, flags, skipped_before, .. } = &wanted;
            flags.open_single_split(source, args.split, &known, recipe, *skipped_before)?
        };
        let (mut notes, found, has_16bit, data) = match alone {
            Some(SingleSplit { classes, split, has_16bit, notes }) => {
                (notes, classes, has_16bit, Data::SingleSplit(split))
            }
            None => {
                let data = Box::new(wanted.open()?);
                let is_own = wanted.is_trained_on(&data);
                ensure!(
                    wanted.is_of_run || is_own || !data.is_val_drawn || args.split == SplitName::Test,
                    "{:?} has no val split, and is not what the model was trained on: no {} split of it is left to \
                     measure. For all images of a folder of classes, or of a table, add --split test; for those of one \
                     folder in it, --split test --test-dir FOLDER",
                    wanted.source,
                    args.split
                );
                let has_16bit = data.range_16bit.is_some();
                (data.notes.clone(), data.classes.clone(), has_16bit, Data::Whole { data, is_own })
            }
        };
        notes.extend(wanted.range_note(has_16bit));
        if let Data::Whole { data, .. } = &data {
            notes.extend(wanted.foreign_note(data));
        }
        let (classes, class_of) = match &input.classes {
            Some(classes) => (classes.clone(), class_numbers(&found, classes, &wanted.merges)?),
            None => (found.clone(), (0..found.len() as i64).collect()),
        };
        Ok(Self { input, source: wanted.source, notes, classes, class_of, data })
    }

    /// The groups of the images of `split`, whose leaks are `leaks`.
    pub fn groups<'a>(&self, split: &'a Split, leaks: &Leaks) -> Groups<'a> {
        let known = match &self.data {
            // Of train itself every image is of a group in train.
            Data::Whole { data, .. } if leaks.is_ok() && !std::ptr::eq(split, &data.train) => data.group_leaks(split),
            _ => None,
        };
        Groups { of_images: split.groups.as_deref(), leaks: known }
    }

    /// The images of `portion`, and which of them also appear in the model's train.
    /// Fails if the data have no such split.
    pub fn split(&self, portion: SplitName) -> Result<(&Split, Leaks)> {
        let (data, is_own) = match &self.data {
            Data::Whole { data, is_own } => (data, *is_own),
            Data::SingleSplit(split) => {
                return Ok((split, Err("there is no train split beside these images")));
            }
        };
        let (split, exact, near) = match portion {
            SplitName::Train => (&data.train, vec![false; data.train.len()], None),
            SplitName::Val => (&data.val, data.val_in_train(), data.val_near_leaks()),
            SplitName::Test => {
                let test = data.test.as_ref().with_context(|| match &data.unread_test {
                    Some(reason) => format!("the test split of {:?} cannot be measured: {reason}", self.source),
                    None => format!("{:?} has no test split", self.source),
                })?;
                (test, data.in_train(test), data.test_near_leaks())
            }
        };
        if !is_own {
            return Ok((split, Err("these are not the data of the run's training")));
        }
        Ok((split, Ok(KnownLeaks { exact, near: near.map(<[bool]>::to_vec) })))
    }
}
