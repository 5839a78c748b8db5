//! Compares two presets over three seeds on the generated faces: jobs, runs, comparison, report.
//!
//! ```text
//! cargo run --release --example 03_compare_presets [FOLDER]
//! ```
//!
//! Expect one line per run, then a verdict in one sentence with two tables, and last the path of a report to open in a
//! browser. After ten epochs the val loss of `closed-small` is about 0.7 nats below that of `seed`, and its gap is smaller
//! too, so that the verdict calls it a win. FOLDER must be new; without it everything except the report is removed when
//! the example ends. It takes about two minutes on two cores.

use std::path::PathBuf;

use anyhow::{Context, Result};
use mindgap::{
    compare::{Comparison, FinishedRun, Job, jobs},
    data::{self, NoProgress, Options},
    recipe::Recipe,
    report::Report,
    train::Run,
};

fn main() -> Result<()> {
    let temporary = tempfile::tempdir()?;
    let out = std::env::args().nth(1).map_or(temporary.path().join("compare"), PathBuf::from);

    let presets = ["seed", "closed-small"].map(str::to_owned);
    let data = data::open("faces", &Options::default(), &NoProgress)?;
    let mut finished = Vec::new();
    for job in jobs(&presets, 0, 3, None) {
        let folder = out.join(job.name());
        Run::new(recipe(&job)?, &data)?.folder(&folder).fit()?;
        let run = FinishedRun::read(&job, &folder)?.context("the run is finished")?;
        let figures = &run.figures;
        let gap = figures.gap_loss.context("a run of mindgap's own has a gap")?;
        println!("{}: val loss {:.3}, gap {gap:.3}", job.name(), figures.val_loss);
        finished.push(run);
    }

    let command_line = std::env::args().collect();
    let comparison = Comparison::new(&presets, "seed", finished, Vec::new(), command_line)?;
    println!("\n{}", comparison.to_markdown());
    std::fs::write(out.join(Comparison::FILE), serde_json::to_string_pretty(&comparison)?)?;

    let report = PathBuf::from("compare-presets.html");
    std::fs::write(&report, Report::read(&[out], None)?.to_html()?)?;
    println!("Report: {}", report.display());
    Ok(())
}

/// The recipe of a job: its preset, with a small network and ten epochs.
fn recipe(job: &Job) -> Result<Recipe> {
    let preset = Recipe::preset(&job.preset)?.epochs(10);
    Ok(Recipe { seed: job.seed, model: "resnet8".into(), stem_stride: 2, ..preset })
}
