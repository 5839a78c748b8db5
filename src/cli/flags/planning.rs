//! The flags that choose the runs of a comparison, and those runs with complete recipes.

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};

use crate::cli::flags::{
    data::DataFlags,
    recipe::{RecipeFlags, RecipeSource},
    weights,
};
use mindgap::{
    compare::{self, Job, PlannedData, PlannedRun},
    durable,
    recipe::Recipe,
    train::complete_recipe,
};

/// The presets, seeds and data of a comparison.
#[derive(Clone, Debug, clap::Args)]
pub struct Planning {
    /// The presets to compare, separated by commas
    #[arg(long, value_name = "A,B,C", value_delimiter = ',', help_heading = "Comparison")]
    presets: Vec<String>,

    /// Seeds of each preset, from --seed on [default: 3]
    #[arg(long, value_name = "N", help_heading = "Comparison", value_parser = clap::value_parser!(u32).range(1..=1000))]
    seeds: Option<u32>,

    /// Two presets on faces with a small network, in a few minutes
    #[arg(long, help_heading = "Comparison", conflicts_with_all = ["presets", "preset", "recipe"])]
    quick: bool,

    /// Folder of the comparison; an existing one is resumed [default: runs/compare]
    #[arg(long, value_name = "DIR", help_heading = "Comparison")]
    pub out: Option<PathBuf>,

    #[command(flatten)]
    pub data: DataFlags,

    #[command(flatten)]
    source: RecipeSource,
}

/// The recipe keys that decide how the data are opened.
type Opening = (u64, Option<u32>, Option<u32>, f64, Option<u32>, Option<u32>, Option<[u16; 2]>);

impl Planning {
    /// The flags, with what `--quick` sets.
    pub fn settled(&self) -> Self {
        let mut planning = self.clone();
        if planning.quick {
            planning.presets = vec!["seed".into(), "augment".into()];
            for (key, number) in [("epochs", 12), ("stem_stride", 2)] {
                if planning.source.flags.number(key).is_none() {
                    planning.source.flags.set(key, number);
                }
            }
            planning.data.source = planning.data.source.or_else(|| Some("faces".to_owned()));
        }
        planning
    }

    /// The folder of the comparison.
    pub fn out(&self) -> PathBuf {
        self.out.clone().unwrap_or_else(|| PathBuf::from("runs/compare"))
    }

    /// Whether any recipe flag is given.
    pub fn has_recipe_flags(&self) -> bool {
        self.source.flags != RecipeFlags::default()
    }

    /// The presets.
    /// Fails if there are fewer than two, or if one is named twice.
    pub fn presets(&self) -> Result<Vec<String>> {
        ensure!(self.source.preset.is_none(), "--preset names one preset; a comparison takes several: --presets A,B,C");
        ensure!(!self.presets.is_empty(), "which presets? Name at least two: --presets A,B,C");
        let mut presets: Vec<String> = Vec::new();
        for preset in &self.presets {
            ensure!(!presets.contains(preset), "--presets names `{preset}` twice");
            presets.push(preset.clone());
        }
        ensure!(presets.len() > 1, "--presets {}: a comparison needs at least two", presets.join(","));
        Ok(presets)
    }

    /// Every preset with every seed, with complete recipes. Opens the data, which decide the size of the images.
    /// Fails on a bad preset, recipe or data set.
    pub fn runs(&self) -> Result<Vec<PlannedRun>> {
        let first = self.source.flags.number("seed").unwrap_or(0);
        let presets = self.presets()?;
        let jobs = compare::jobs(&presets, first, u64::from(self.seeds.unwrap_or(3)), self.folds(&presets)?);
        // Every recipe is resolved before the data are opened, which may take a while.
        let mut recipes = jobs.iter().map(|job| self.recipe_of(job)).collect::<Result<Vec<_>>>()?;
        durable::check_writable(&self.out())?;
        weights::fetch_all(&mut recipes)?;
        // With the first recipe that was completed by each data set.
        let mut opened: Vec<(Opening, PlannedData, Recipe)> = Vec::new();
        let mut planned = Vec::new();
        for (job, recipe) in jobs.into_iter().zip(recipes) {
            let opening = (
                recipe.data_seed,
                recipe.folds,
                recipe.fold,
                recipe.train_fraction,
                recipe.img_size,
                recipe.in_chans,
                recipe.range_16bit,
            );
            if !opened.iter().any(|(before, ..)| *before == opening) {
                let data = self.data.open(self.data.source(), &recipe, false)?;
                opened.push((opening, self.data.planned(&data)?, complete_recipe(recipe.clone(), &data)));
            }
            let (_, data, first) = opened.iter().find(|(before, ..)| *before == opening).context("they were opened")?;
            let Recipe { img_size, in_chans, range_16bit, .. } = *first;
            let recipe = Recipe { img_size, in_chans, range_16bit, ..recipe };
            recipe.validate().with_context(|| format!("preset {}", job.preset))?;
            planned.push(PlannedRun::new(job, data.clone(), recipe)?);
        }
        Ok(planned)
    }

    /// The number of folds, of which each is to validate once; None without folds, or where a flag chooses one.
    /// Fails if the presets have different numbers of folds.
    fn folds(&self, presets: &[String]) -> Result<Option<u32>> {
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
        source.resolve_with(Some(&job.preset)).with_context(|| format!("preset {}", job.preset))
    }
}
