//! What a run's network makes of the images of an audit.

use std::path::Path;

use anyhow::{Result, ensure};
use tch::Device;

use crate::cli::flags::{
    data::Bar,
    model_file::{self, Which},
};
use mindgap::{
    data::{self, Features, Options, ReadProgress, SplitName},
    export::Classifier,
    train,
};

/// Computes the features of all images of `source`, opened as `options` say, with the best weights of the run in the folder
/// `model`, or with those in a safetensors file that mindgap wrote.
/// Fails if there is no such network, or the data cannot be used by it.
pub fn of(model: &Path, device: Device, source: &str, options: &Options) -> Result<Features> {
    ensure!(model.exists(), "--model {}: there is no such run folder or file", model.display());
    let classifier =
        if model.is_dir() { model_file::of_run(model, Which::Best, device)? } else { Classifier::read(model, device)? };
    let options = Options {
        img_size: Some(classifier.description.size),
        in_chans: Some(classifier.description.channels),
        skip_bad: true,
        near_leaks: false,
        ..options.clone()
    };
    let progress = Bar::default();
    let data = data::open(source, &options, &progress)?;
    let length = classifier.architecture.features() as usize;
    let mut features = Features::new(length);
    let test = data.test.as_ref().map(|test| (SplitName::Test, test));
    for (name, split) in [(SplitName::Train, &data.train), (SplitName::Val, &data.val)].into_iter().chain(test) {
        progress.begin(&format!("Computing features of {name}"), split.len() as u64);
        let positions: Vec<u32> = (0..split.len() as u32).collect();
        // In place of logits the outputs hold the features.
        let outputs = train::evaluate_by(split, &positions, device, |images| {
            progress.advance(images.size()[0] as u64);
            classifier.features(images)
        })?;
        progress.end();
        features.add(name, &split.ids, &outputs.logits);
    }
    Ok(features)
}
