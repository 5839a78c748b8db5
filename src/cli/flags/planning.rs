//! The flags that choose the runs of a comparison, and those runs with complete recipes.

use std::path::PathBuf;

use anyhow::{Result, ensure};

use crate::cli::flags::{
    data::DataFlags,
    job_recipes::JobRecipes,
    recipe::{RecipeFlags, RecipeSource},
};
use mindgap::compare::{self, PlannedRun};

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

    /// Fails if there are fewer than two, or if one is named twice.
    pub fn presets(&self) -> Result<Vec<String>> {
        ensure!(self.source.preset.is_none(), "--preset names one preset; a comparison takes several: --presets A,B,C");
        ensure!(!self.presets.is_empty(), "which presets? Name at least two: --presets A,B,C");
        for (index, preset) in self.presets.iter().enumerate() {
            ensure!(!self.presets[..index].contains(preset), "--presets names `{preset}` twice");
        }
        ensure!(self.presets.len() > 1, "--presets {}: a comparison needs at least two", self.presets.join(","));
        Ok(self.presets.clone())
    }

    /// Every preset with every seed and fold, with complete recipes; with `seeds` seeds in place of `--seeds`, if given. Opens the
    /// data, which decide the size of the images.
    /// Fails on a bad preset, recipe or data set.
    pub fn runs(&self, seeds: Option<u32>) -> Result<Vec<PlannedRun>> {
        let seeds = seeds.or(self.seeds).unwrap_or(3);
        let first = self.source.flags.number("seed").unwrap_or(0);
        let presets = self.presets()?;
        let recipes = JobRecipes { data: &self.data, source: &self.source, preset: None };
        let jobs = compare::jobs(&presets, first, u64::from(seeds), recipes.folds(&presets)?);
        recipes.plan(jobs, &self.out())
    }
}
