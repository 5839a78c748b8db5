//! Compares two presets over three seeds on the generated faces, by the library alone: jobs, runs, comparison, report.
//!
//! ```text
//! cargo run --release --example 03_compare_presets [FOLDER]
//! ```
//!
//! Expect one line per run, then a verdict in one sentence with two tables, and last the path of a report to open in a
//! browser. In ten epochs `closed-small` ends with a val loss some 0.7 nats below that of `seed`, and its gap is smaller
//! too: a win, and the verdict says so. FOLDER must be new; without it everything but the report is gone when the
//! example ends. It takes about two minutes on two cores.

use std::{path::PathBuf, sync::atomic::AtomicBool};

use anyhow::{Context, Result};
use mindgap::{
    compare::{Comparison, FinishedRun, Job, jobs},
    data::{self, Dataset, NoProgress, Options, SplitFolders},
    model::Architecture,
    recipe::{Layers, Recipe, resolve},
    report::Report,
    run::{Environment, EpochRecord, Observer, RunFolder, cpu_name, now},
    torch::{self, device},
    train::{self, Keeper, Sides, Trainer, fit},
};

/// The run folder keeps the epochs; nobody else needs to hear of them.
struct Quiet;

impl Observer for Quiet {
    fn epoch_end(&mut self, _record: &EpochRecord) -> Result<()> {
        Ok(())
    }
}

fn main() -> Result<()> {
    torch::keep_pages();
    torch::set_threads(None);
    let device = device::parse("auto")?;
    let temporary = tempfile::tempdir()?;
    let out = std::env::args().nth(1).map_or(temporary.path().join("compare"), PathBuf::from);

    let presets = ["seed", "closed-small"].map(str::to_owned);
    let data = data::open("faces", &Options::default(), &NoProgress)?;
    let mut finished = Vec::new();
    for job in jobs(&presets, 0, 3) {
        let folder = out.join(job.name());
        train_one(&recipe(&job, &data)?, &data, &RunFolder::create(&folder, false)?, device)?;
        let run = FinishedRun::read(&job, &folder)?.context("the run is finished")?;
        let last = &run.done.last;
        println!("{}: val loss {:.3}, gap {:.3}", job.name(), last.val_loss, last.gap_loss);
        finished.push(run);
    }

    let command_line = std::env::args().collect();
    let comparison = Comparison::new(&presets, "seed", &finished, Vec::new(), command_line)?;
    println!("\n{}", comparison.to_markdown());
    std::fs::write(out.join(Comparison::FILE), serde_json::to_string_pretty(&comparison)?)?;

    let report = PathBuf::from("compare-presets.html");
    std::fs::write(&report, Report::read(&[out], None)?.to_html()?)?;
    println!("Report: {}", report.display());
    Ok(())
}

/// The same small network and number of epochs for both presets; the rest is theirs.
fn recipe(job: &Job, data: &Dataset) -> Result<Recipe> {
    let flags = serde_json::json!({
        "seed": job.seed,
        "model": "resnet8",
        "stem_stride": 2,
        "epochs": 10,
        "img_size": data.size,
        "in_chans": data.channels,
    });
    resolve(&Layers::default().preset(&job.preset)?.keys(&flags)?)
}

/// What `mindgap train` does: recipe and environment first, then the epochs, then the final figures.
fn train_one(recipe: &Recipe, data: &Dataset, folder: &RunFolder, device: tch::Device) -> Result<()> {
    let sides = Sides::of(data, recipe.data_seed);
    let mut trainer = Trainer::new(recipe, data, device)?;
    folder.write_environment(&Environment {
        versions: train::versions(device),
        cpu: cpu_name(),
        data: train::data_source("faces", data, &sides),
        range_16bit: data.range_16bit,
        folders: SplitFolders::default(),
        pretrained: trainer.pretrained.clone(),
        command_line: std::env::args().collect(),
        started: now(),
        resumes: Vec::new(),
    })?;
    folder.write_recipe(&recipe.to_toml())?;
    let mut keeper = Keeper::new(folder, data, &sides)?;
    fit(&mut trainer, data, &sides, Some(&mut keeper), &mut Quiet, &AtomicBool::new(false))?;
    let macs = Architecture::new(recipe, data.channels, data.classes.len())?.cost(data.size).multiply_adds;
    keeper.finish(&trainer, macs)?;
    Ok(())
}
