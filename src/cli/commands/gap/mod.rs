//! `mindgap gap`: the gap of a model that was trained elsewhere.

mod args;
mod figures;
mod outputs;
mod subject;
mod text;

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

pub use args::Args;

use crate::cli::{
    ExitStatus,
    output::{print::print, say::say_notes},
};
use figures::GapFigures;
use mindgap::{
    data::Split,
    durable,
    export::FileFormat,
    run::Outputs,
    stats::{Logits, softmax},
};
use outputs::{Caller, to_logits};
use subject::Subject;

/// Measures the model on probe and val and prints the figures.
/// Fails if the model or the data cannot be used or do not fit each other, or the table cannot be written.
pub fn run(args: &Args) -> Result<ExitStatus> {
    if let Some(file) = &args.predictions {
        ensure!(args.force || !file.exists(), "{} exists already: add --force to replace it", file.display());
        durable::check_writable(&durable::folder_of(file))?;
    }
    ensure!(
        FileFormat::of(&args.model.path) != Some(FileFormat::Onnx) || !args.model.path.exists(),
        "{} is ONNX, which mindgap does not run: save the model with torch.jit.trace and torch.jit.save, or write its \
         predictions with onnxruntime and compare them with `mindgap compare --predictions`; docs/gap.md has both in a few \
         lines",
        args.model.path.display()
    );
    let device = args.compute.prepare(None, None)?;
    let normalisation = args.normalisation(args.input.in_chans)?;
    let model = args.model.open(device, normalisation.as_ref())?;
    let input = args.input.of(model.as_ref())?;
    match (model.description(), &normalisation) {
        (Some(_), Some(_)) => {
            bail!("--mean and --std are for models that do not normalise; this one does: leave them out")
        }
        (None, None) => bail!(
            "this TorchScript file does not state how its images are normalised: add --mean and --std, such as --mean \
             0.485,0.456,0.406 --std 0.229,0.224,0.225 for ImageNet's, or --mean 0 --std 1 for pixels of 0–1"
        ),
        _ => {}
    }
    let subject = Subject::open(args, model.as_ref(), &input)?;
    say_notes(&subject.data.notes);

    let caller = Caller { model: model.as_ref(), input: &input, device, batch_size: args.batch_size };
    let mut probe = caller.outputs("the probe", &subject.data.train, &subject.sets.probe, &subject)?;
    let mut val = caller.outputs("val", &subject.data.val, &subject.sets.val, &subject)?;
    say_notes(to_logits([&mut probe, &mut val], subject.classes.len(), args.outputs)?);
    let found = GapFigures::of(args.model.path.display().to_string(), &subject, &probe, &val)?;
    if let Some(file) = &args.predictions {
        let table = predictions(&subject.data.val, &val, &subject.classes, Path::new(&subject.source))?;
        durable::write(file, &table)?;
    }
    print(if args.json { serde_json::to_string_pretty(&found)? + "\n" } else { text::render(&found) })?;
    Ok(ExitStatus::Done)
}

/// A row for each image of val: its name, its class, and the probability of each class.
fn predictions(split: &Split, outputs: &Outputs, classes: &[String], root: &Path) -> Result<Vec<u8>> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(["name", "label"].into_iter().chain(classes.iter().map(String::as_str)))?;
    let logits = Logits::new(&outputs.logits, &outputs.labels, classes.len());
    for (position, (row, label)) in logits.rows().enumerate() {
        let name = split.key(u32::try_from(position).context("more images than fit")?, root);
        // No more digits than single precision has.
        let probabilities = softmax(row, 1.0).into_iter().map(|probability| (probability as f32).to_string());
        table.write_record([name, classes[label].clone()].into_iter().chain(probabilities))?;
    }
    Ok(table.into_inner()?)
}
