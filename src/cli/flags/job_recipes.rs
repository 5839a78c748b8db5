//! The recipes of jobs: presets, seeds and folds become complete lines of a plan.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::cli::flags::{data::DataFlags, recipe::RecipeSource, weights};
use mindgap::{
    compare::{Job, PlannedData, PlannedRun},
    durable,
    recipe::Recipe,
    train::{check_batch, complete_recipe},
};

#[derive(Clone, Copy)]
pub struct JobRecipes<'a> {
    /// The data that all jobs are trained on.
    pub data: &'a DataFlags,
    /// The flags and files under which presets are resolved.
    pub source: &'a RecipeSource,
    /// The preset of all jobs, where their names say something else; `None`: each job names its preset.
    pub preset: Option<&'a str>,
}

/// The recipe keys that decide how the data are opened.
type Opening = (u64, Option<u32>, Option<u32>, f64, Option<u32>, Option<u32>, Option<[u16; 2]>);

impl JobRecipes<'_> {
    /// A line of a plan for each of `jobs`, with a complete recipe. Opens the data, which decide the size of the images.
    /// Fails on a bad preset, recipe or data set, and if nothing can be written into `out`.
    pub fn plan(&self, jobs: Vec<Job>, out: &Path) -> Result<Vec<PlannedRun>> {
        // Every recipe is resolved before the data are opened, which may take a while.
        let mut recipes = jobs.iter().map(|job| self.recipe_of(job)).collect::<Result<Vec<_>>>()?;
        durable::check_writable(out)?;
        weights::fetch_all(&mut recipes)?;
        // With the first recipe that was completed by each data set.
        let mut opened: Vec<(Opening, PlannedData, Recipe)> = Vec::new();
        let mut planned = Vec::new();
        for (job, recipe) in jobs.into_iter().zip(recipes) {
            let Recipe { data_seed, folds, fold, train_fraction, img_size, in_chans, range_16bit, .. } = recipe;
            let opening: Opening = (data_seed, folds, fold, train_fraction, img_size, in_chans, range_16bit);
            if !opened.iter().any(|(before, ..)| *before == opening) {
                let data = self.data.open_without_near_leaks(self.data.source(), &recipe, false)?;
                opened.push((opening, self.data.planned(&data)?, complete_recipe(recipe.clone(), &data)));
            }
            let (_, data, first) = opened.iter().find(|(before, ..)| *before == opening).context("they were opened")?;
            let Recipe { img_size, in_chans, range_16bit, .. } = *first;
            let recipe = Recipe { img_size, in_chans, range_16bit, ..recipe };
            let preset = || format!("preset {}", job.preset);
            recipe.validate().with_context(preset)?;
            check_batch(&recipe, data.train).with_context(preset)?;
            planned.push(PlannedRun::new(job, data.clone(), recipe)?);
        }
        Ok(planned)
    }

    /// The number of folds, of which each is to validate once; None without folds, or where a flag chooses one.
    /// Fails if the presets have different numbers of folds.
    pub fn folds(&self, presets: &[String]) -> Result<Option<u32>> {
        if self.source.flags.number("fold").is_some() {
            return Ok(None);
        }
        let mut all = Vec::new();
        for preset in presets {
            all.push(self.recipe_of(&Job { preset: preset.clone(), seed: 0, fold: Some(0) })?.folds);
        }
        if let Some(other) = all.iter().position(|folds| *folds != all[0]) {
            bail!("preset {} divides the data into other folds than preset {}", presets[other], presets[0]);
        }
        Ok(all[0])
    }

    fn recipe_of(&self, job: &Job) -> Result<Recipe> {
        let mut source = self.source.clone();
        source.flags.set("seed", i64::try_from(job.seed)?);
        if let Some(fold) = job.fold {
            source.flags.set("fold", i64::from(fold));
        }
        let preset = self.preset.unwrap_or(&job.preset);
        source.resolve_with(Some(preset)).with_context(|| format!("preset {preset}"))
    }
}
