//! Predicts the classes of a batch of files.

use anyhow::{Context, Result, ensure};
use tch::{Device, Tensor};

use super::{
    answer::{Answer, Ranked, ranked},
    args::Args,
    overlay::Overlays,
};
use crate::cli::{flags::input::Input, output::say::say};
use mindgap::{
    data::UnlabelledBatch,
    export::{Classifier, Model},
    recipe::Tta,
    torch,
    train::tta,
};

/// A model with the settings of its predictions.
pub struct Predictor<'a> {
    model: &'a dyn Model,
    input: Input,
    /// Temperature that divides the logits.
    temperature: f64,
    views: Tta,
    /// Number of classes printed for each image.
    most: usize,
    /// Class names; numbers, set with the first image, if the model has no names.
    classes: Vec<String>,
    /// Writes the overlays of `--cam`.
    overlays: Option<(&'a Classifier, Overlays)>,
    /// Number of files so far.
    files: u64,
}

impl<'a> Predictor<'a> {
    /// Prepares predictions of `model`, whose input is `input`, by the flags.
    /// Fails if the model does not support a flag, or the folder of the overlays cannot be used.
    pub fn new(args: &Args, model: &'a dyn Model, input: Input) -> Result<Self> {
        let temperature = if args.calibrated {
            input.temperature.context("--calibrated: no temperature was fitted for this model")?
        } else {
            1.0
        };
        let overlays = args.cam.as_ref().map(|folder| {
            let classifier = model.classifier().context(
                "--cam needs the layers of the network, which a TorchScript file does not expose: name the run folder or \
                 its .safetensors file",
            )?;
            anyhow::Ok((classifier, Overlays::new(folder, args.force)?))
        });
        if input.classes.is_none() {
            say("note: this TorchScript file does not name its classes: they are printed as numbers");
        }
        Ok(Self {
            model,
            temperature,
            views: args.tta,
            most: args.top_k.unwrap_or(if args.json { 5 } else { 1 }) as usize,
            classes: input.classes.clone().unwrap_or_default(),
            input,
            overlays: overlays.transpose()?,
            files: 0,
        })
    }

    /// Predicts the classes of each file of `batch`.
    /// Fails if the model fails or an overlay cannot be written.
    pub fn answers<'b>(&'b mut self, batch: &'b UnlabelledBatch) -> Result<Vec<Answer<'b>>> {
        let logits = self.logits(&batch.images)?;
        let mut rows = logits.chunks_exact(self.classes.len().max(1));
        let mut answers = Vec::with_capacity(batch.files.len());
        for file in &batch.files {
            let outcome = match &file.trouble {
                // Some decoders repeat the reason on further lines.
                Some(trouble) => Err(format!("{trouble:#}").lines().next().unwrap_or_default().to_owned()),
                None => ranked(rows.next().context("there are logits for each image")?, &self.classes, self.most)
                    .ok_or_else(|| "the model returned a logit that is not a number".to_owned()),
            };
            answers.push(Answer { file, outcome, overlay: None });
        }
        if let Some((classifier, overlays)) = &self.overlays {
            write_overlays(classifier, overlays, &batch.images, &mut answers, self.files)?;
        }
        self.files += batch.files.len() as u64;
        Ok(answers)
    }

    /// Logits of the images `[n, c, h, w]`, row by row, divided by the temperature.
    fn logits(&mut self, images: &Tensor) -> Result<Vec<f32>> {
        let n = images.size()[0];
        if n == 0 {
            return Ok(Vec::new());
        }
        let logits_of = |images: &Tensor| torch::catch(|| Ok(self.model.logits(images)? / self.temperature));
        let logits = match self.views {
            Tta::None => logits_of(images),
            views => tta::averaged(images, views, logits_of),
        }
        .with_context(|| self.input.failure(self.views))?;
        if self.classes.is_empty() {
            self.classes = (0..logits.size()[1]).map(|class| class.to_string()).collect();
        }
        let expected = [n, self.classes.len() as i64];
        ensure!(logits.size() == expected, "the model returned logits {:?} instead of {expected:?}", logits.size());
        Ok(logits.to_device(Device::Cpu).reshape([-1]).try_into()?)
    }
}

/// Writes an overlay for each of `answers` that has a class. `images` belong to the readable files; `before` files came
/// before this batch.
fn write_overlays(
    classifier: &Classifier,
    overlays: &Overlays,
    images: &Tensor,
    answers: &mut [Answer],
    before: u64,
) -> Result<()> {
    let readable: Vec<usize> = (0..answers.len()).filter(|&at| answers[at].file.trouble.is_none()).collect();
    if readable.is_empty() {
        return Ok(());
    }
    let class = |answer: &Answer| answer.outcome.as_deref().ok().and_then(<[Ranked]>::first).map(|first| first.number);
    let classes: Vec<Option<usize>> = readable.iter().map(|&at| class(&answers[at])).collect();
    let numbers: Vec<i64> = classes.iter().map(|class| class.unwrap_or(0) as i64).collect();
    let maps = classifier.grad_cam(images, &Tensor::from_slice(&numbers))?;
    for (row, &at) in readable.iter().enumerate().filter(|(row, _)| classes[*row].is_some()) {
        let answer = &mut answers[at];
        let overlay =
            overlays.write(before + at as u64 + 1, answer.file, &images.get(row as i64), &maps.get(row as i64))?;
        answer.overlay = Some(overlay);
    }
    Ok(())
}
