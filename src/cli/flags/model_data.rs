//! The data for a model: those of its training or others, read as its training read them.

use std::path::Path;

use anyhow::{Context, Result};

use crate::cli::flags::{
    data::DataFlags,
    input::{Input, KEEP_HIGH_BYTE},
};
use mindgap::{
    data::{Dataset, Merge},
    export::Model,
    recipe::Recipe,
    run::{Environment, RunFolder},
};

/// Where the data for a model are, and how to read them.
pub struct ModelData<'a> {
    model: &'a dyn Model,
    /// The run whose folder the model is.
    run: Option<Environment>,
    /// The path or name of the data.
    pub source: String,
    /// Whether the model is a run's, and the data lie where that run's do.
    pub is_of_run: bool,
    /// The recipe of the model's training, with the form of its images.
    pub recipe: Recipe,
    /// The flags, completed by what the run records.
    pub flags: DataFlags,
    /// The classes that the model's training counted as others, where its run records it.
    pub merges: Vec<Merge>,
    /// Whether the run left unreadable files out.
    pub skipped_before: bool,
    is_range_known: bool,
}

impl<'a> ModelData<'a> {
    /// The data that `flags` name, or else the run of the `model` in `path`, which takes images of the form `input`.
    /// Fails if neither names any; `missing` then says what to do.
    pub fn of(
        path: &Path,
        model: &'a dyn Model,
        input: &Input,
        flags: &DataFlags,
        missing: &'static str,
    ) -> Result<Self> {
        let run = if path.is_dir() { Some(RunFolder::open(path)?.environment()?) } else { None };
        let asked = flags.source.clone();
        let source = asked.or_else(|| run.as_ref().map(|run| run.data.place().to_owned())).context(missing)?;
        let own = run.as_ref().filter(|run| run.data.is_at(&source));
        let selection = flags.selection().or(&own.map(Environment::selection).unwrap_or_default());
        let trained = model.description().map(|about| about.recipe()).transpose()?.unwrap_or_default();
        // A model without a recorded range was trained on 8-bit images, or by a version that kept the high byte of 16-bit
        // ones; the full range means both.
        let range_16bit = Some(input.range_16bit.unwrap_or([0, u16::MAX]));
        Ok(Self {
            model,
            is_of_run: own.is_some(),
            recipe: Recipe { img_size: Some(input.size), in_chans: Some(input.channels), range_16bit, ..trained },
            flags: flags.reading(selection),
            merges: run.as_ref().map(|run| run.data.selection.merge.clone()).unwrap_or_default(),
            skipped_before: own.is_some_and(|run| run.data.bad_files > 0),
            is_range_known: input.range_16bit.is_some(),
            source,
            run,
        })
    }

    /// Opens the whole data. Folds and a share of train are those of the run's data alone, wherever these lie now: of others all images
    /// are read, in their own splits.
    /// Fails if they cannot be used.
    pub fn open(&self) -> Result<Dataset> {
        let as_trained = self.flags.open(&self.source, &self.recipe, self.skipped_before);
        let is_part = self.recipe.folds.is_some() || self.recipe.train_fraction < 1.0;
        let Some(run) = self.run.as_ref().filter(|_| is_part && !self.is_of_run) else { return as_trained };
        match as_trained {
            Ok(data) if data.fingerprint == run.data.fingerprint => Ok(data),
            _ => {
                let whole = Recipe { folds: None, fold: None, train_fraction: 1.0, ..self.recipe.clone() };
                self.flags.open(&self.source, &whole, self.skipped_before)
            }
        }
    }

    /// Opens the whole data without the search for near leaks.
    /// Fails if they cannot be used.
    pub fn open_without_near_leaks(&self) -> Result<Dataset> {
        self.flags.open_without_near_leaks(&self.source, &self.recipe, self.skipped_before)
    }

    /// Whether the model was trained on the train split of `data`, judged by its run where it has one, else by its
    /// description. Classes, number of images and the mean and standard deviation of their pixels must agree; val and test
    /// may differ.
    pub fn is_trained_on(&self, data: &Dataset) -> bool {
        if let Some(Environment { data: run, .. }) = &self.run {
            let is_equal = run.classes == data.classes && run.mean == data.mean && run.std == data.std;
            return run.fingerprint == data.fingerprint || run.train == data.train.len() && is_equal;
        }
        let about = self.model.description();
        about.is_some_and(|about| about.classes == data.classes && about.mean == data.mean && about.std == data.std)
    }

    /// What the user should know where `data` are not those of the run's training.
    pub fn foreign_note(&self, data: &Dataset) -> Option<String> {
        let run = self.run.as_ref().filter(|run| run.data.fingerprint != data.fingerprint)?;
        Some(format!(
            "these are not the images of the run's training (fingerprint {}, there {})",
            data.fingerprint, run.data.fingerprint
        ))
    }

    /// What the user should know of 16-bit images, where there are some.
    pub fn range_note(&self, has_16bit: bool) -> Option<String> {
        (has_16bit && !self.is_range_known).then(|| KEEP_HIGH_BYTE.to_owned())
    }
}
