//! One line of a plan: all that decides the numbers of one run.

use std::{fmt, path::Path};

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_128;

use super::Job;
use crate::{
    data::Selection,
    recipe::{KeyDifference, Recipe},
};

/// One run of a plan, complete.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedRun {
    /// Hash of the recipe and the fingerprint of the data, 32 hex digits. It reveals an accidental change, not a forgery.
    pub id: String,
    /// Preset and seed.
    #[serde(flatten)]
    pub job: Job,
    /// The data that it is trained on.
    pub data: PlannedData,
    /// Its recipe, resolved, with what the data decide.
    pub recipe: Recipe,
}

/// The data of a planned run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedData {
    /// Their absolute path, or `faces`.
    pub source: String,
    /// What of the data is read, with absolute paths.
    #[serde(flatten)]
    pub selection: Selection,
    /// Whether images that cannot be read are left out.
    #[serde(default)]
    pub skip_bad: bool,
    /// The name of this variant of the data, where the runs of a plan are trained on several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Hash over names, labels and pixels, wherever the data lie.
    pub fingerprint: String,
    /// Images to train on.
    pub train: usize,
    /// Images of val.
    pub val: usize,
}

impl PlannedData {
    /// Takes the paths at which `other`, another fold or another variant of these data, was found.
    pub(super) fn find_where(&mut self, other: &Self) {
        let selection = if self.variant == other.variant { &other.selection } else { &self.selection };
        *self = Self { source: other.source.clone(), selection: selection.clone(), ..self.clone() };
    }
}

impl PlannedRun {
    /// The line of `job`.
    ///
    /// # Errors
    /// None: every recipe has a JSON form.
    pub fn new(job: Job, data: PlannedData, recipe: Recipe) -> Result<Self> {
        let id = id(&serde_json::to_value(&recipe)?, &data.fingerprint);
        Ok(Self { id, job, data, recipe })
    }

    /// Checks that the run in `folder`, whose recipe is `recorded`, is this one.
    ///
    /// # Errors
    /// The recipes differ in any key, be it only the number of epochs; the message lists the keys.
    pub fn check_recipe(&self, recorded: &Recipe, folder: &Path) -> Result<()> {
        let differences = self.recipe.diff(recorded);
        ensure!(
            differences.is_empty(),
            "the run in {} has another recipe (planned here, recorded there):{}\nMove it away, or plan into another folder.",
            folder.display(),
            KeyDifference::lines(&differences)
        );
        Ok(())
    }

    /// Reads a line of a plan, and checks that it has not changed since it was written.
    /// Fails if the line has not the form of a planned run, was changed, or names a preset that cannot name a folder.
    pub(super) fn read(line: &Value) -> Result<Self> {
        let run: Self = serde_json::from_value(line.clone())?;
        // The id is computed from the keys in the line, not from the recipe read: a later version may know more keys,
        // with defaults that change nothing.
        let found = id(&line["recipe"], &run.data.fingerprint);
        ensure!(
            run.id == found,
            "it was changed after it was planned: its id is {}, its recipe and data amount to {found}",
            run.id
        );
        let preset = &run.job.preset;
        // The preset becomes part of a folder's name, so it must not hold `/` or `..`.
        let is_plain = preset.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        ensure!(!preset.is_empty() && is_plain, "{preset:?} is no name of a preset");
        ensure!(run.job.seed == run.recipe.seed, "seed {} has a recipe with seed {}", run.job.seed, run.recipe.seed);
        ensure!(
            run.job.fold.is_none() || run.job.fold == run.recipe.fold,
            "fold {:?} has a recipe with fold {:?}",
            run.job.fold,
            run.recipe.fold
        );
        Ok(run)
    }
}

fn id(recipe: &Value, fingerprint: &str) -> String {
    format!("{:032x}", xxh3_128(format!("mindgap run 1\n{fingerprint}\n{recipe}").as_bytes()))
}

impl fmt::Display for PlannedData {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { source, train, val, fingerprint, .. } = self;
        write!(f, "{source:?} with {train} training and {val} validation images, fingerprint {fingerprint}")
    }
}
