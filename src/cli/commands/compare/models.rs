//! `mindgap compare --runs` and `--predictions`: compares models that are trained already.

use std::{
    io::{self, IsTerminal},
    path::{Path, PathBuf},
};

use anyhow::{Result, ensure};

use super::write::{command_line, print_comparison, write_files};
use crate::cli::{
    ExitStatus,
    flags::{data::DataFlags, model_file},
    output::{
        overwrite::{check_our_page, check_ours},
        say::say,
    },
};
use mindgap::{
    compare::{Comparison, GroupBy, ModelKind, ModelOptions, Plan, Values, Which},
    report::Report,
    run::RunFolder,
};

/// Flags of a comparison of models that are trained already.
#[derive(Clone, Debug, clap::Args)]
pub struct ModelFlags {
    /// Train nothing; compare these folders of finished runs, mindgap's own or recorded in another training loop
    #[arg(long, value_name = "RUN", num_args = 1.., help_heading = "Trained models")]
    #[arg(conflicts_with_all = ["predictions", "plan"])]
    #[arg(conflicts_with_all = ["presets", "seeds", "quick", "jobs", "source", "cache_limit", "no_cache", "workers"])]
    #[arg(conflicts_with_all = DataFlags::what_is_read())]
    #[arg(conflicts_with_all = ["preset", "recipe", "device", "threads", "deterministic", "no_tf32", "force_amp"])]
    pub runs: Vec<PathBuf>,

    /// Train nothing; compare these tables of predictions (CSV), one a model: columns `name`, `label`, and one probability or
    /// logit for each class
    #[arg(long, value_name = "FILE", num_args = 1.., help_heading = "Trained models")]
    #[arg(conflicts_with = "plan")]
    #[arg(conflicts_with_all = ["presets", "seeds", "quick", "jobs", "source", "cache_limit", "no_cache", "workers"])]
    #[arg(conflicts_with_all = DataFlags::what_is_read())]
    #[arg(conflicts_with_all = ["preset", "recipe", "device", "threads", "deterministic", "no_tf32", "force_amp"])]
    pub predictions: Vec<PathBuf>,

    /// Where some lack images that others have, compare on the images that all have
    #[arg(long, help_heading = "Trained models")]
    pub common: bool,

    /// Of --runs: the epoch whose predictions are compared; those of the best are optimistic
    #[arg(long, value_name = "EPOCH", requires = "runs", help_heading = "Trained models")]
    which: Option<model_file::Which>,

    /// Of --predictions: what the values are, unless they show it
    #[arg(long, value_name = "KIND", requires = "predictions", help_heading = "Trained models")]
    values: Option<Values>,
}

impl ModelFlags {
    /// Whether the command compares models that are trained already.
    pub fn are_given(&self) -> bool {
        !self.runs.is_empty() || !self.predictions.is_empty()
    }
}

/// Compares the models, of which `group_by` says what makes them seeds of one group, prints the comparison, and writes it
/// into the folder `out`, where one is given.
/// Fails where a model cannot be read, they cannot be compared, or `out` holds something else.
pub fn run(
    flags: &ModelFlags,
    group_by: Option<&str>,
    baseline: Option<&str>,
    out: Option<&Path>,
    json: bool,
) -> Result<ExitStatus> {
    // clap takes a requirement for met where a flag conflicts with what is required.
    ensure!(
        flags.which.is_none() || !flags.runs.is_empty(),
        "--which chooses among the epochs of --runs; tables hold the predictions of one"
    );
    ensure!(
        flags.values.is_none() || !flags.predictions.is_empty(),
        "--values says what the columns of --predictions hold; run folders hold logits"
    );
    let (places, kind) = if flags.runs.is_empty() {
        (&flags.predictions, ModelKind::Predictions)
    } else {
        (&flags.runs, ModelKind::Runs)
    };
    if let Some(out) = out {
        check_out(out)?;
    }
    let options = ModelOptions {
        baseline: baseline.map(str::to_owned),
        group_by: group_by.map_or_else(GroupBy::default, GroupBy::from),
        common: flags.common,
        which: match flags.which {
            Some(model_file::Which::Best) => Which::Best,
            Some(model_file::Which::Last) | None => Which::Last,
        },
        values: flags.values,
    };
    let comparison = Comparison::of_models(places, kind, &options, command_line())?;
    if let Some(out) = out {
        write_files(&comparison, out, || Report::of_models(comparison.clone()))?;
    }
    print_comparison(&comparison, out, json)?;
    if out.is_none() && io::stderr().is_terminal() {
        say("\n--out DIR keeps this as compare.json, compare.md and report.html.");
    }
    Ok(ExitStatus::Done)
}

/// Checks that `out` can take the files: it is new, empty, or holds an earlier comparison of models.
fn check_out(out: &Path) -> Result<()> {
    ensure!(
        !out.join(Plan::FILE).exists(),
        "--out {} holds a comparison that trains its runs: choose another folder",
        out.display()
    );
    ensure!(!RunFolder::holds_run(out), "--out {} holds a run: choose another folder", out.display());
    if !out.join(Comparison::FILE).exists() {
        check_our_page(&out.join(RunFolder::REPORT), "--out")?;
        let tables = out.join("compare.md");
        ensure!(!tables.exists(), "{} is there and no comparison of models: choose another --out", tables.display());
    }
    check_ours(&out.join(Comparison::FILE), "comparison of models", "--out", |text| {
        serde_json::from_slice::<Comparison>(text).is_ok_and(|comparison| comparison.models.is_some())
    })
}
