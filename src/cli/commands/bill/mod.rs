//! `mindgap bill`: the gap of a finished run, divided into what each cause contributes to it.

mod measure;
mod suspects;
mod text;

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use crate::cli::{
    ExitStatus,
    flags::{compute::Compute, data::DataFlags},
    output::{print::print, say::say},
};
use mindgap::{
    durable,
    gap::{Bill, BillEvidence, BillSet, finished_learning_curve},
    run::{Done, Images, Predictions, RunFolder},
};
use suspects::Suspects;

/// Flags of `mindgap bill`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The folder of a finished run
    #[arg(value_name = "RUN")]
    run: PathBuf,

    /// Wrong labels in the data: what `mindgap inspect DATA --labels --json` prints, or a list of names
    #[arg(long, value_name = "FILE", help_heading = "Bill")]
    suspects: Option<PathBuf>,

    /// Augmented views of each image, for what the network memorised
    #[arg(long, value_name = "N", default_value = "2", help_heading = "Bill")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100))]
    views: u32,

    /// Training images to measure; the probe is always measured, and of a larger train others are drawn
    #[arg(long, value_name = "N", default_value = "20000", help_heading = "Bill")]
    train_images: usize,

    /// Take the recorded outputs alone: run no network and open no data
    #[arg(long, help_heading = "Bill")]
    outputs_only: bool,

    #[command(flatten)]
    data: DataFlags,

    #[command(flatten)]
    compute: Compute,

    /// Print JSON
    #[arg(long, help_heading = "Bill")]
    json: bool,
}

/// What the folder of a run records.
struct Recorded {
    done: Done,
    images: Images,
    predictions: Predictions,
}

/// Makes the bill, prints it, and writes it into the folder of the run.
///
/// # Errors
/// The folder holds no finished run, or its weights or data are missing or changed; the list of suspects cannot be used.
pub fn run(args: &Args) -> Result<ExitStatus> {
    let folder = RunFolder::open(&args.run)?;
    let done = folder.done()?.with_context(|| {
        let path = args.run.display();
        format!("{path} is not finished: resume it with `mindgap train --resume --out {path}` first")
    })?;
    let recorded = Recorded { done, images: folder.images()?, predictions: folder.predictions()? };
    recorded.images.check(&recorded.predictions)?;
    let suspects = args.suspects.as_deref().map(Suspects::read).transpose()?;
    let is_foreign = RunFolder::recorder(&args.run).is_some();
    let evidence = if args.outputs_only || is_foreign {
        let why = match is_foreign {
            true => "another training loop recorded this run, so that mindgap has no network of it",
            false => "the network was not run (--outputs-only)",
        };
        of_outputs(&recorded, why)
    } else {
        measure::evidence(args, &folder, &recorded, suspects.as_ref())?
    };
    let class_names = folder.environment()?.data.classes;
    let more_images =
        finished_learning_curve(&args.run)?.map(|finding| format!("{}. {}", finding.title, finding.evidence));
    let mut evidence = BillEvidence { class_names, more_images, ..evidence };
    if let Some(suspects) = &suspects {
        add_suspects(&mut evidence, suspects, &recorded.images)?;
    }
    let bill = Bill::of(&evidence, recorded.done.last.epoch).with_context(|| args.run.display().to_string())?;
    let json = serde_json::to_string_pretty(&bill)? + "\n";
    if let Err(error) = durable::write(&folder.file(RunFolder::BILL), json.as_bytes()) {
        say(format_args!("note: the bill was not written into the folder of the run: {error:#}"));
    }
    print(if args.json { json } else { text::render(&bill) })?;
    Ok(ExitStatus::Done)
}

/// The evidence of the recorded outputs alone; `why` there is no network.
fn of_outputs(recorded: &Recorded, why: &str) -> BillEvidence {
    let Recorded { images, predictions, .. } = recorded;
    let [of_val, of_probe] = match images.group_numbers() {
        Some(groups) => groups.map(Some),
        None => [None, None],
    };
    let near_leaks = images.near_leaks.as_deref();
    let leaks = images.leaks.iter().enumerate();
    BillEvidence {
        classes: predictions.classes,
        val: BillSet { outputs: predictions.last_val.clone(), groups: of_val, ..BillSet::default() },
        train: BillSet { outputs: predictions.last_probe.clone(), groups: of_probe, ..BillSet::default() },
        probe: (0..predictions.last_probe.labels.len()).collect(),
        leaks: leaks.map(|(image, leak)| *leak || near_leaks.is_some_and(|leaks| leaks[image])).collect(),
        knows_near_leaks: near_leaks.is_some(),
        in_first_half: images.in_first_half.clone(),
        about_views: why.to_owned(),
        ..BillEvidence::default()
    }
}

/// Adds the probability that each label is wrong. Training images beside the probe have theirs already.
fn add_suspects(evidence: &mut BillEvidence, suspects: &Suspects, images: &Images) -> Result<()> {
    let names = images.val.iter().map(|image| image.name.as_str());
    evidence.val.wrong = Some(suspects.of(names));
    if evidence.train.wrong.is_none() {
        evidence.train.wrong = Some(suspects.of(images.probe.iter().map(|image| image.name.as_str())));
    }
    let found = [&evidence.val.wrong, &evidence.train.wrong].into_iter().flatten().flatten();
    let found = found.filter(|wrong| **wrong > 0.0).count();
    ensure!(
        found > 0 || suspects.is_empty(),
        "--suspects {}: none of its names is that of an image of the run, such as {:?}",
        suspects.file.display(),
        images.val.first().map_or("", |image| image.name.as_str())
    );
    Ok(())
}
