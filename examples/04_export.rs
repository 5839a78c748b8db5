//! Takes a network out of training and writes it for others: TorchScript, safetensors, ONNX.
//!
//! ```text
//! cargo run --release --example 04_export [FOLDER]
//! ```
//!
//! Trains the demo for three epochs (some ten seconds on two cores), then writes model.pt, model.safetensors and
//! model.onnx into FOLDER (the current one by default). Expect one line for each with its size, and one that says how far
//! the logits of the weights read back from the safetensors file are from those of the trained network: nothing.

use std::{path::PathBuf, sync::atomic::AtomicBool};

use anyhow::{Context, Result};
use mindgap::{
    data::{self, NoProgress, Options},
    durable,
    export::{Classifier, Form, OutputDifference, Variant},
    recipe::{Layers, resolve},
    run::{EpochRecord, Observer},
    torch::{self, device},
    train::{Checkpoint, Sides, Trainer, data_source, evaluate, fit},
};
use tch::Device;

struct Deaf;

impl Observer for Deaf {
    fn epoch_end(&mut self, _record: &EpochRecord) -> Result<()> {
        Ok(())
    }
}

fn main() -> Result<()> {
    torch::keep_pages();
    torch::set_threads(None);
    let folder = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("."), PathBuf::from);

    let recipe = resolve(&Layers::default().preset("demo")?.keys(&serde_json::json!({ "epochs": 3 }))?)?;
    let data = data::open("faces", &Options::default(), &NoProgress)?;
    let sides = Sides::of(&data, recipe.data_seed);
    let mut trainer = Trainer::new(&recipe, &data, device::parse("auto")?)?;
    fit(&mut trainer, &data, &sides, None, &mut Deaf, &AtomicBool::new(false))?;

    // What one must know to use the weights goes with them: classes, normalisation, a temperature fitted on val.
    let val = evaluate(trainer.network(), &trainer.normalize, &data.val, &sides.val)?;
    let state = Checkpoint::of(&trainer, &data.fingerprint)?;
    let description = state.description(&data_source("faces", &data, &sides), &val);
    let classifier = Classifier::new(description, &state.network(), Device::Cpu)?;

    for form in [Form::Torchscript, Form::Safetensors, Form::Onnx] {
        let path = folder.join(format!("model{}", form.ending()));
        let bytes = form.encode(&classifier, Variant::default())?;
        durable::write(&path, &bytes)?;
        println!("{}: {} bytes", path.display(), bytes.len());
    }
    let again = Classifier::read(&folder.join("model.safetensors"), Device::Cpu).context("it was just written")?;
    let difference = OutputDifference::between(&classifier, &again, data.channels, data.size)?;
    println!("read back, its logits differ by {:.1e} at most", difference.largest);
    Ok(())
}
