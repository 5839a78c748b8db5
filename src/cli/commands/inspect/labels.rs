//! `mindgap inspect --labels`: which labels are probably wrong.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use crate::cli::{
    flags::{compute::Compute, data::DataFlags, recipe::RecipeSource, selection::SelectionFlags},
    process::{out_of_fold::LabelSearch, plan_training::PlanTraining},
};
use mindgap::{
    data::{Audit, Selection},
    labels::SuspectLabels,
    run::{shell_word, wrong_labels_flag},
};

/// Flags of the search for wrong labels.
#[derive(Debug, clap::Args)]
pub struct LabelFlags {
    /// Look for wrong labels, by networks that were not trained on the images that they judge; so does --labels without a
    /// file
    #[arg(long, help_heading = "Wrong labels")]
    wrong_labels: bool,

    /// Folds: each image is judged by the network of the fold that holds it [default: 5]
    #[arg(long, value_name = "K", help_heading = "Wrong labels", value_parser = clap::value_parser!(u32).range(2..=100))]
    folds: Option<u32>,

    /// Seeds, each with networks of its own; more of them judge better and take as much longer [default: 2]
    #[arg(long, value_name = "N", help_heading = "Wrong labels", value_parser = clap::value_parser!(u32).range(1..=1000))]
    seeds: Option<u32>,

    /// Preset of the networks [default: labels]
    #[arg(long, value_name = "NAME", help_heading = "Wrong labels")]
    preset: Option<String>,

    /// Recipe of the networks, on top of the preset
    #[arg(long, value_name = "FILE.toml", help_heading = "Wrong labels")]
    recipe: Option<PathBuf>,

    /// Epochs of each network [default: the recipe's]
    #[arg(long, value_name = "N", help_heading = "Wrong labels", value_parser = clap::value_parser!(u32).range(1..))]
    epochs: Option<u32>,

    /// Folder of the runs; an existing one is resumed [default: runs/labels]
    #[arg(long, value_name = "DIR", help_heading = "Wrong labels")]
    out: Option<PathBuf>,

    /// Runs at a time; the threads are divided among them [default: 1]
    #[arg(long, value_name = "J", help_heading = "Wrong labels", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,

    /// Write a table with the suggested labels, for `mindgap train --relabel`; delete the rows of labels that should stay
    #[arg(long, value_name = "FILE.csv", help_heading = "Wrong labels")]
    pub write_relabel: Option<PathBuf>,

    #[command(flatten)]
    pub compute: Compute,
}

impl LabelFlags {
    /// Whether wrong labels are looked for.
    /// Fails if they are not and a flag of the search is given.
    pub fn are_asked(&self, selection: &SelectionFlags) -> Result<bool> {
        let asked = self.wrong_labels || selection.has_labels_without_file();
        let given = [
            ("--folds", self.folds.is_some()),
            ("--seeds", self.seeds.is_some()),
            ("--preset", self.preset.is_some()),
            ("--recipe", self.recipe.is_some()),
            ("--epochs", self.epochs.is_some()),
            ("--out", self.out.is_some()),
            ("--jobs", self.jobs.is_some()),
            ("--write-relabel", self.write_relabel.is_some()),
        ];
        let missing = wrong_labels_flag(&selection.selection());
        for (flag, is_given) in given {
            ensure!(asked || !is_given, "{flag} is a flag of the search for wrong labels: add {missing}");
        }
        Ok(asked)
    }

    /// Searches the data, whose near-duplicates are in `audit`; None where a signal stopped it.
    /// Fails on a bad flag or data set, and where a run fails.
    pub fn search(
        &self,
        source: &str,
        selection: &Selection,
        data_seed: u64,
        audit: &Audit,
    ) -> Result<Option<SuspectLabels>> {
        let data = DataFlags::of(source, selection.clone());
        let (preset, file) = (self.preset.clone(), self.recipe.clone());
        let mut recipe = RecipeSource { preset, recipe: file, ..RecipeSource::default() };
        recipe.flags.set("data_seed", i64::try_from(data_seed)?);
        if let Some(epochs) = self.epochs {
            recipe.flags.set("epochs", i64::from(epochs));
        }
        let out = self.out.clone().unwrap_or_else(|| PathBuf::from("runs/labels"));
        let training = PlanTraining { data: &data, compute: &self.compute, parallel: self.jobs.unwrap_or(1) };
        LabelSearch {
            training,
            recipe: &recipe,
            folds: self.folds.unwrap_or(5),
            seeds: u64::from(self.seeds.unwrap_or(2)),
            out: &out,
        }
        .run(&audit.findings.near_duplicate_names())
    }
}

/// Suspects in the text.
const SHOWN: usize = 12;

/// Renders the suspects for a terminal. `data` are the flags of a command that name the data, `table` is the table of suggested labels, if it
/// was written.
/// Fails if that table cannot be made.
pub fn render(suspects: &SuspectLabels, data: &str, table: Option<&Path>) -> Result<String> {
    let list = &suspects.suspect_labels;
    let mut text = format!(
        "\nLabels      {} of {} labels are probably wrong ({:.1} % estimated)\n            out-of-fold accuracy {:.1} %, expected F1 of the \
         list {:.2}\n",
        list.len(),
        suspects.images,
        suspects.noise,
        suspects.out_of_fold_accuracy,
        suspects.expected_f1
    );
    if let Some(warning) = &suspects.warning {
        text += &format!("    {warning}\n");
    }
    for suspect in list.iter().take(SHOWN) {
        text += &format!("    {:.2}  {}: {} → {}\n", suspect.score, suspect.name, suspect.given, suspect.suggested);
    }
    if list.len() > SHOWN {
        text += &format!("    … and {} more: --json, --html FILE\n", list.len() - SHOWN);
    }
    if let (Some(last), true) = (list.last(), list.len() > 1) {
        text += &format!("    Of these, {:.0} % are expected to be wrong.\n", 100.0 * last.precision);
    }
    match table {
        Some(table) if suspects.relabel_csv()?.lines().count() > 1 => {
            text += &format!("    mindgap train {data} --relabel {}\n", shell_word(&table.to_string_lossy()));
        }
        Some(table) => text += &format!("    {} has no row: no label is to be corrected.\n", table.display()),
        None if !list.is_empty() => {
            text += "    --write-relabel FILE.csv and --write-exclude FILE write lists for training.\n"
        }
        None => {}
    }
    Ok(text)
}
