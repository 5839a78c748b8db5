//! What is evaluated: a model, and the data that its run, its description or the flags name.

use anyhow::{Context, Result, ensure};

use super::{
    args::{Args, Portion},
    evaluation::Leaks,
};
use crate::cli::flags::input::{Input, KEEP_HIGH_BYTE, class_numbers};
use mindgap::{
    data::{Dataset, SingleSplit, Split},
    export::Model,
    recipe::Recipe,
    run::{Environment, RunFolder},
};

/// The data for a model, opened as its training opened them.
pub struct Subject {
    /// The images that the model takes.
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

/// The opened data.
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
    ///
    /// # Errors
    /// No data are named or they cannot be used, they hold a class that the model does not know, or the split would be drawn
    /// from images that are not the model's.
    pub fn open(args: &Args, model: &dyn Model, input: Input) -> Result<Self> {
        let path = &args.model.path;
        let run = if path.is_dir() { Some(RunFolder::open(path)?.environment()?) } else { None };
        let asked = args.data.source.clone();
        let source = asked.or_else(|| run.as_ref().map(|run| run.data.place().to_owned())).context(
            "which data? A model file does not name any: add --data (a run folder names the data of its training)",
        )?;
        let own = run.as_ref().filter(|run| run.data.is_at(&source));
        let exclude = args.data.exclude.clone().or_else(|| own.and_then(|run| run.data.exclude.clone()));
        let trained = model.description().map(|about| about.recipe()).transpose()?.unwrap_or_default();
        // A model without a recorded range was trained on 8-bit images, or by a version that kept the high byte of 16-bit
        // ones; the full range means both.
        let range_16bit = Some(input.range_16bit.unwrap_or([0, u16::MAX]));
        let recipe = Recipe { img_size: Some(input.size), in_chans: Some(input.channels), range_16bit, ..trained };
        let skipped_before = own.is_some_and(|run| run.data.bad_files > 0);
        let folders = own.map(|run| run.folders.clone()).unwrap_or_default();
        let flags = args.data.reading(exclude, &folders);
        let known = input.classes.clone().unwrap_or_default();
        // The run's own data have a train split, even where the folder holds classes alone: opening such a folder as one
        // split would measure images that the model was trained on.
        let alone = match own {
            Some(_) => None,
            None => flags.open_single_split(&source, args.split.name(), &known, &recipe, skipped_before)?,
        };
        let (mut notes, found, has_16bit, data) = match alone {
            Some(SingleSplit { classes, split, has_16bit, notes }) => {
                (notes, classes, has_16bit, Data::SingleSplit(split))
            }
            None => {
                let data = Box::new(flags.open(&source, &recipe, skipped_before)?);
                let is_own = is_own(&data, model, run.as_ref());
                ensure!(
                    own.is_some() || is_own || !data.is_val_drawn || args.split == Portion::Test,
                    "{source:?} has no val split, and is not what the model was trained on: no {} split of it is left to \
                     measure. For all images of a folder of classes, or of a table, add --split test; for those of one \
                     folder in it, --split test --test-dir FOLDER",
                    args.split.name()
                );
                let has_16bit = data.range_16bit.is_some();
                (data.notes.clone(), data.classes.clone(), has_16bit, Data::Whole { data, is_own })
            }
        };
        if input.range_16bit.is_none() && has_16bit {
            notes.push(KEEP_HIGH_BYTE.to_owned());
        }
        if let (Some(run), Data::Whole { data, .. }) = (&run, &data)
            && run.data.fingerprint != data.fingerprint
        {
            notes.push(format!(
                "these are not the images of the run's training (fingerprint {}, there {})",
                data.fingerprint, run.data.fingerprint
            ));
        }
        let (classes, class_of) = match &input.classes {
            Some(classes) => (classes.clone(), class_numbers(&found, classes)?),
            None => (found.clone(), (0..found.len() as i64).collect()),
        };
        Ok(Self { input, source, notes, classes, class_of, data })
    }

    /// The images of `portion`, and which of them also appear in the model's train.
    ///
    /// # Errors
    /// The data have no such split.
    pub fn split(&self, portion: Portion) -> Result<(&Split, Leaks)> {
        let (data, is_own) = match &self.data {
            Data::Whole { data, is_own } => (data, *is_own),
            Data::SingleSplit(split) => {
                return Ok((split, Leaks::Unknown("there is no train split beside these images")));
            }
        };
        let (split, leaks) = match portion {
            Portion::Train => (&data.train, vec![false; data.train.len()]),
            Portion::Val => (&data.val, data.val_in_train()),
            Portion::Test => {
                let test = data.test.as_ref().with_context(|| match &data.unread_test {
                    Some(reason) => format!("the test split of {:?} cannot be measured: {reason}", self.source),
                    None => format!("{:?} has no test split", self.source),
                })?;
                (test, data.in_train(test))
            }
        };
        let leaks =
            if is_own { Leaks::Known(leaks) } else { Leaks::Unknown("these are not the data of the run's training") };
        Ok((split, leaks))
    }
}

/// Whether `model` was trained on the train split of `data`, judged by its run where it has one, else by its description.
/// Classes, number of images and the mean and standard deviation of their pixels must agree; val and test may differ.
fn is_own(data: &Dataset, model: &dyn Model, run: Option<&Environment>) -> bool {
    if let Some(Environment { data: run, .. }) = run {
        let is_equal = run.classes == data.classes && run.mean == data.mean && run.std == data.std;
        return run.fingerprint == data.fingerprint || run.train == data.train.len() && is_equal;
    }
    model
        .description()
        .is_some_and(|about| about.classes == data.classes && about.mean == data.mean && about.std == data.std)
}
