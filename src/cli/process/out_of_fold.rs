//! Judges the labels of a data set by networks that were not trained on them: the runs of a cross-validation, each in a
//! process of its own.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use super::{plan_training::PlanTraining, signals};
use crate::cli::{
    flags::{job_recipes::JobRecipes, recipe::RecipeSource},
    output::say::say,
};
use mindgap::{
    compare::{self, Plan},
    labels::{OutOfFold, SuspectLabels},
    recipe::presets,
    train::Failure,
};

/// A cross-validation that judges labels.
pub struct LabelSearch<'a> {
    /// The data, and how its runs are trained.
    pub training: PlanTraining<'a>,
    /// Preset and flags of the recipe.
    pub recipe: &'a RecipeSource,
    /// Number of folds, from 2.
    pub folds: u32,
    /// Number of seeds, each a cross-validation of its own.
    pub seeds: u64,
    /// Folder of the runs, which is made where it is missing; finished runs are not trained again.
    pub out: &'a Path,
}

impl LabelSearch<'_> {
    /// Trains what is missing and ranks the labels; None where a signal stopped it. `near_duplicates` are pairs of names.
    /// Fails on a bad flag or data set before anything is trained, and where a run fails.
    pub fn run(&self, near_duplicates: &[(String, String)]) -> Result<Option<SuspectLabels>> {
        fs::create_dir_all(self.out).with_context(|| format!("cannot make the folder {}", self.out.display()))?;
        let mut source = self.recipe.clone();
        source.flags.set("folds", i64::from(self.folds));
        let preset = source.preset.take().unwrap_or_else(|| presets::LABELS.to_owned());
        let recipes = JobRecipes { data: self.training.data, source: &source, preset: None };
        let first = source.flags.number("seed").unwrap_or(0);
        let jobs = compare::jobs(std::slice::from_ref(&preset), first, self.seeds, Some(self.folds));
        let runs = recipes.plan(jobs, self.out)?;
        say(format_args!(
            "Labels: {} runs of preset {preset}, {} epochs each, in {}; each image is judged by networks that were not trained on it.",
            runs.len(),
            runs[0].recipe.epochs,
            self.out.display()
        ));
        let (plan, _) = Plan::grow(self.out, runs.clone())?;
        let ends = self.training.train(&plan, &runs, &*signals::stop_flag()?);
        if ends.is_stopped() {
            say("Stopped; the same command resumes.");
            return Ok(None);
        }
        for run in &runs {
            if let Some(reason) = ends.failure(&run.job) {
                return Err(Failure(format!("{}: {reason}", run.job.name())).into());
            }
        }
        let mut seeds: Vec<Vec<PathBuf>> = Vec::new();
        for seed in first..first + self.seeds {
            let of_seed = runs.iter().filter(|run| run.job.seed == seed);
            seeds.push(of_seed.map(|run| plan.folder(&run.job)).collect());
        }
        let mut suspects = SuspectLabels::of(&OutOfFold::read(&seeds)?, near_duplicates);
        suspects.out_of_fold = Some(self.out.to_owned());
        Ok(Some(suspects))
    }
}
