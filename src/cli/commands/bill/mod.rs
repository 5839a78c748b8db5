//! `mindgap bill`: the gap of a finished run, divided into what each cause contributes to it.

mod args;
mod measure;
mod recorded;
mod suspects;
mod text;

use anyhow::{Context, Result, ensure};

pub use args::Args;

use crate::cli::{
    ExitStatus,
    output::{print::print, say::say},
};
use mindgap::{
    durable,
    gap::{Bill, BillEvidence, finished_learning_curve},
    run::{Images, RunFolder},
};
use recorded::Recorded;
use suspects::Suspects;

/// Makes the bill, prints it, and writes it into the folder of the run.
/// Fails if the folder holds no finished run, its weights or data are missing or changed, or the list of suspects cannot be used.
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
        recorded.evidence(why)
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
