//! `mindgap export`: writes a trained network as a file for other programs.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tch::Device;

use crate::cli::{
    ExitStatus,
    flags::model_file::{self, Which},
    output::print::print,
};
use mindgap::{
    durable,
    export::{self, BATCHES, Classifier, FileFormat, Limits, Model, OutputDifference, Variant},
};

/// The largest difference of logits that rounding explains.
const TOLERANCE: f64 = 1e-5;
/// The largest difference of logits that rounding to half precision explains.
const TOLERANCE_OF_HALF: f64 = 2e-2;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A run folder, or a .safetensors file that mindgap wrote
    #[arg(value_name = "RUN")]
    model: PathBuf,

    /// The format of the file [default: by the extension of --out]
    #[arg(long, value_name = "FORMAT")]
    format: Option<FileFormat>,

    /// The file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,

    /// For a run folder: the epoch whose weights are taken [default: best]
    #[arg(long, value_name = "EPOCH")]
    which: Option<Which>,

    /// Write numbers of half precision (float16): half the size
    #[arg(long)]
    half: bool,

    /// Compute probabilities with the temperature that was fitted on val: predict() of a TorchScript module divides by
    /// it, and an ONNX graph has a second output, `probabilities`. The logits stay unchanged
    #[arg(long)]
    calibrated: bool,

    /// Replace an existing file
    #[arg(long)]
    force: bool,

    /// Print what was written as JSON
    #[arg(long)]
    json: bool,

    /// Read the file back in this process, which train has started for this alone
    #[arg(long, hide = true)]
    read_back_here: bool,
}

/// Writes the file, reads it back in a separate process and compares its logits with the network's before the file gets
/// its name.
/// Fails if the run cannot be read, the file exists, the disk is full, or the logits differ.
pub fn run(args: &Args) -> Result<ExitStatus> {
    let format = args.format.or_else(|| FileFormat::of(&args.out)).with_context(|| {
        format!(
            "--out {} has no extension of a format: add --format torchscript, safetensors or onnx",
            args.out.display()
        )
    })?;
    model_file::check_out(&args.out)?;
    ensure!(args.force || !args.out.exists(), "{} exists: add --force to replace it", args.out.display());
    let classifier = if args.model.is_dir() {
        model_file::of_run(&args.model, args.which.unwrap_or_default(), Device::Cpu)?
    } else {
        ensure!(args.which.is_none(), "--which chooses among the epochs of a run folder");
        ensure!(
            FileFormat::of(&args.model) == Some(FileFormat::Safetensors),
            "{} cannot be exported: give a run folder, or a .safetensors file that mindgap wrote",
            args.model.display()
        );
        Classifier::read(&args.model, Device::Cpu)?
    };
    let variant = Variant { half: args.half, calibrated: args.calibrated };
    let bytes = format.encode(&classifier, variant)?;
    let mut difference = None;
    durable::write_checked(&args.out, &bytes, format.ending(), !args.force, |file| {
        let found = read_back(&classifier, file, args.read_back_here)
            .context("the file was written, but reading it back failed")?;
        let tolerance = if args.half { TOLERANCE_OF_HALF } else { TOLERANCE };
        ensure!(
            found.within(tolerance),
            "the file that was read back gives logits that differ by up to {:.1e}; it is not kept",
            found.largest
        );
        difference = Some(found);
        Ok(())
    })?;
    let largest = difference.context("the file was compared")?.largest;
    say_done(args, bytes.len(), &classifier, largest)?;
    Ok(ExitStatus::Done)
}

/// Compares `classifier` with the file, which a separate process reads, or this one (`here`).
fn read_back(classifier: &Classifier, file: &Path, here: bool) -> Result<OutputDifference> {
    let model: Box<dyn Model> = if here {
        export::open(file, Device::Cpu)?
    } else {
        let limits = Limits { memory: None, time: Duration::from_secs(600) };
        Box::new(model_file::host(file, Device::Cpu, limits, None)?)
    };
    let about = &classifier.description;
    OutputDifference::between(classifier, model.as_ref(), about.channels, about.size)
}

/// Prints what was written and how well it agrees with the network.
fn say_done(args: &Args, bytes: usize, classifier: &Classifier, largest: f64) -> Result<()> {
    let text = if args.json {
        let report = json!({
            "file": args.out.display().to_string(),
            "bytes": bytes,
            "epoch": classifier.description.epoch,
            "largest_difference": largest,
            "batch_sizes": BATCHES,
        });
        format!("{report:#}\n")
    } else {
        format!(
            "{}: {:.1} MB, the weights after epoch {}. Read back in a separate process: logits differ by at most {largest:.1e} \
             (batches of {BATCHES:?}).\n",
            args.out.display(),
            bytes as f64 / 1e6,
            classifier.description.epoch,
        )
    };
    print(text)
}
