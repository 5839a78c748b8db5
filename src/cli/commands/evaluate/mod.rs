//! `mindgap evaluate`: measures a trained network on a split of some data.

mod args;
mod evaluation;
mod figures;
mod predictions;
mod sealed;
mod sealed_figures;
mod subject;
mod text;

use std::path::Path;

use anyhow::{Context, Result, ensure};
use tch::Tensor;

use crate::cli::{
    ExitStatus,
    flags::data::Bar,
    output::{print::print, say::say_notes},
};
pub use args::Args;
use evaluation::Evaluation;
use mindgap::{
    data::{ReadProgress, Split},
    durable,
    export::Model,
    recipe::Tta,
    run::Outputs,
    train::{evaluate_by, tta},
};
use sealed::SealedTest;
use subject::Subject;

/// Evaluates the model and prints the figures.
/// Fails if the model or the data cannot be used or do not fit each other, or the table cannot be written.
pub fn run(args: &Args) -> Result<ExitStatus> {
    if let Some(file) = &args.predictions {
        ensure!(args.force || !file.exists(), "{} exists already: add --force to replace it", file.display());
        durable::check_writable(&durable::folder_of(file))?;
    }
    let device = args.compute.prepare(None, None)?;
    let model = args.model.open(device, None)?;
    let input = args.input.of(model.as_ref())?;
    let subject = Subject::open(args, model.as_ref(), input)?;
    say_notes(&subject.notes);

    let (split, leaks) = subject.split(args.split)?;
    let sealed = SealedTest::find(args, &subject, split)?;
    let groups = subject.groups(split, &leaks);
    let split_name = args.split.to_string();
    let outputs = measure(model.as_ref(), &subject, split, device, Tta::None, &split_name)?;
    let rows = outputs.logits.chunks(subject.classes.len());
    let broken = rows.filter(|row| row.iter().any(|logit| !logit.is_finite())).count();
    ensure!(
        broken == 0,
        "{broken} of {} images have a logit that is not finite, so this model cannot be evaluated",
        outputs.labels.len()
    );
    let names = [args.model.path.display().to_string(), subject.source.clone(), split_name.clone()];
    let mut found = Evaluation::new(names, &outputs, &subject.classes, subject.input.temperature, &leaks, &groups);
    let mut measured = vec![(Tta::None, outputs.measured())];
    if args.tta != Tta::None {
        let averaged = measure(model.as_ref(), &subject, split, device, args.tta, &split_name)?;
        measured.push((args.tta, averaged.measured()));
        found = found.with_views(args.tta, &averaged, &leaks, &groups);
    }
    if let Some(sealed) = sealed {
        // Before any figure is shown: what was seen is in the ledger.
        found.seal = Some(sealed.record(args, model.as_ref(), &measured)?);
    }
    if let Some(file) = &args.predictions {
        let table = predictions::csv(split, &outputs, &subject.classes, Path::new(&subject.source))?;
        durable::write(file, &table)?;
    }
    let text = if args.json { serde_json::to_string_pretty(&found)? + "\n" } else { text::render(&found) };
    print(text)?;
    Ok(ExitStatus::Done)
}

/// The model's outputs on all images of `split`, averaged over `views`, with labels in the model's numbers.
fn measure(
    model: &dyn Model,
    subject: &Subject,
    split: &Split,
    device: tch::Device,
    views: Tta,
    name: &str,
) -> Result<Outputs> {
    let progress = Bar::default();
    progress.begin(&format!("Evaluating {name}"), split.len() as u64);
    let positions: Vec<u32> = (0..split.len() as u32).collect();
    let mut outputs = evaluate_by(split, &positions, device, |images: &Tensor| {
        let logits = match views {
            Tta::None => model.logits(images),
            views => tta::averaged(images, views, |view| model.logits(view)),
        }
        .with_context(|| subject.input.failure(views))?;
        progress.advance(images.size()[0] as u64);
        Ok(logits)
    })?;
    progress.end();
    let expected = subject.classes.len();
    ensure!(
        outputs.logits.len() == expected * split.len(),
        "the model gives {} logits an image, but there are {expected} classes",
        outputs.logits.len() / split.len()
    );
    for label in &mut outputs.labels {
        *label = subject.class_of[*label as usize];
    }
    Ok(outputs)
}
