//! The flags of `mindgap close`.

use std::{path::PathBuf, time::Duration};

use anyhow::{Result, ensure};

use crate::cli::flags::{
    compute::Compute,
    data::DataFlags,
    recipe::{RecipeFlags, RecipeSource},
};
use mindgap::recipe::Recipe;

#[derive(Clone, Debug, clap::Args)]
#[command(mut_arg("source", |flag| flag.hide(true)))]
pub struct Args {
    /// A folder with train/CLASS/* and val/CLASS/*, or with CLASS/*, a fer2013.csv, or faces
    #[arg(value_name = "DIR|FILE.csv|faces")]
    pub subject: String,

    /// Time for all of it, such as 30m or 1h30m; with --resume the budget of before, unless given
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, help_heading = "Search")]
    pub budget: Option<Duration>,

    /// Folder of the search: its runs, close.json, close.html, the model
    #[arg(long, value_name = "DIR", default_value = "runs/close", help_heading = "Search")]
    pub out: PathBuf,

    /// Continue the search in that folder within what is left of its budget
    #[arg(long, help_heading = "Search")]
    pub resume: bool,

    /// Examine the data, measure speeds, print the plan with its times, and train nothing
    #[arg(long, help_heading = "Search")]
    pub dry_run: bool,

    /// Train nothing here: write the next runs to plan.jsonl for other machines, which train them with `mindgap run`; repeat the
    /// command with --resume until the search is done
    #[arg(long, help_heading = "Search")]
    pub plan: bool,

    /// Runs at a time; the threads are divided among them [default: 1]
    #[arg(long, value_name = "J", help_heading = "Search")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: Option<u16>,

    /// Seeds of the reference and of the winner, from --seed on; they share the time [default: 1]
    #[arg(long, value_name = "N", help_heading = "Search", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub seeds: Option<u32>,

    /// Stop as soon as a recipe is shown to have a gap of at most X nats, and a val loss below the reference's
    #[arg(long, value_name = "X", help_heading = "Search")]
    pub target_gap: Option<f64>,

    /// Stop as soon as a recipe is shown to recognise at least X % of val
    #[arg(long, value_name = "X", help_heading = "Search")]
    pub target_acc: Option<f64>,

    #[command(flatten)]
    pub data: DataFlags,

    #[command(flatten)]
    pub recipe: RecipeSource,

    #[command(flatten)]
    pub compute: Compute,

    /// Print close.json on stdout
    #[arg(long, help_heading = "Search")]
    pub json: bool,
}

/// Keys that all candidates keep once the user sets them.
const OWN: [&str; 9] = [
    "opt",
    "lr",
    "momentum",
    "batch_size",
    "grad_accum_steps",
    "pretrained",
    "freeze_until",
    "layer_decay",
    "clip_grad",
];

/// The most folds: each is a training of every recipe.
const MOST_FOLDS: u32 = 100;

impl Args {
    /// Checks what no single flag shows.
    pub fn check(&self) -> Result<()> {
        ensure!(self.data.source.is_none(), "close takes the data without --data: mindgap close {} …", self.subject);
        ensure!(self.budget.is_some() || self.resume, "how long may it take? Give --budget, such as --budget 2h");
        ensure!(
            self.budget.is_none_or(|budget| budget >= Duration::from_secs(20)),
            "--budget is too short: give 20s or more"
        );
        ensure!(self.target_gap.is_none_or(|gap| gap.is_finite()), "--target-gap takes a number of nats");
        ensure!(
            self.target_acc.is_none_or(|accuracy| (0.0..=100.0).contains(&accuracy)),
            "--target-acc takes percent, from 0 to 100"
        );
        ensure!(
            self.recipe.flags.number("fold").is_none(),
            "close trains all folds itself: give --folds alone, or neither"
        );
        ensure!(
            self.folds().is_none_or(|folds| (2..=MOST_FOLDS).contains(&folds)),
            "--folds takes a number from 2 to {MOST_FOLDS}"
        );
        Ok(())
    }

    /// Whether the reference is a recipe of the user's own, rather than the reference recipe.
    pub fn has_own_recipe(&self) -> bool {
        let is_reference = |name: &String| name == "seed" || name == "demo";
        OWN.into_iter().any(|key| self.recipe.flags.sets(key))
            || self.recipe.recipe.is_some()
            || self.recipe.preset.as_ref().is_some_and(|name| !is_reference(name))
    }

    /// The folds that the flags ask for.
    pub fn folds(&self) -> Option<u32> {
        self.recipe.flags.number("folds").and_then(|folds| u32::try_from(folds).ok())
    }

    /// What the reference is, in words.
    pub fn reference_name(&self) -> String {
        match (&self.recipe.recipe, self.recipe.preset_for(&self.subject)) {
            (Some(file), _) => format!("recipe {}", file.display()),
            (None, Some(preset)) => format!("preset {preset}"),
            (None, None) => "preset seed".to_owned(),
        }
    }

    /// The recipe that the flags ask for; which fold validates is set for each run.
    /// Fails on an unknown preset, a recipe file that cannot be read, and values out of range.
    pub fn asked(&self) -> Result<Recipe> {
        let mut source = self.recipe.clone();
        source.flags = source.flags.without("folds");
        let recipe = source.resolve_with(source.preset_for(&self.subject).as_deref())?;
        ensure!(
            recipe.folds.is_none(),
            "the recipe file divides the data into folds: take folds and fold out of it, and give --folds"
        );
        Ok(recipe)
    }

    /// Whether any flag says something about the recipe.
    pub fn say_recipe(&self) -> bool {
        self.recipe.recipe.is_some() || self.recipe.preset.is_some() || self.recipe.flags != RecipeFlags::default()
    }
}
