//! Writes a trained network for other programs: TorchScript, safetensors, ONNX.
//!
//! ```text
//! cargo run --release --example 04_export [FOLDER]
//! ```
//!
//! Trains the demo for three epochs (some ten seconds on two cores), then writes model.pt, model.safetensors and
//! model.onnx into FOLDER (the current one by default). Expect one line for each file with its size, and one with the
//! largest difference between the logits of the trained network and of the weights read back from model.safetensors: 0.

use std::path::PathBuf;

use anyhow::{Context, Result};
use mindgap::{
    data::{self, NoProgress, Options},
    durable,
    export::{Classifier, FileFormat, OutputDifference, Variant},
    recipe::Recipe,
    run::RunFolder,
    train::Run,
};
use tch::Device;

fn main() -> Result<()> {
    let out = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("."), PathBuf::from);

    // The run's folder holds the weights of the best epoch, together with what a user of the network must know: classes,
    // normalisation, a temperature fitted on val.
    let data = data::open("faces", &Options::default(), &NoProgress)?;
    let temporary = tempfile::tempdir()?;
    let run = Run::new(Recipe::preset("demo")?.epochs(3), &data)?.folder(temporary.path().join("run")).fit()?;
    let folder = run.folder.context("the run was given a folder")?;
    let classifier = Classifier::read(&folder.file(RunFolder::MODEL), Device::Cpu)?;

    for format in [FileFormat::Torchscript, FileFormat::Safetensors, FileFormat::Onnx] {
        let path = out.join(format!("model{}", format.ending()));
        let bytes = format.encode(&classifier, Variant::default())?;
        durable::write(&path, &bytes)?;
        println!("{}: {} bytes", path.display(), bytes.len());
    }
    let again = Classifier::read(&out.join("model.safetensors"), Device::Cpu)?;
    let difference = OutputDifference::between(&classifier, &again, data.channels, data.size)?;
    println!("read back, its logits differ by {:.1e} at most", difference.largest);
    Ok(())
}
