//! The model's outputs on probe and val, as logits.

use anyhow::{Context, Result, ensure};
use tch::Tensor;

use super::{args::OutputKind, subject::Subject};
use crate::cli::flags::{data::Bar, input::Input};
use mindgap::{
    data::{ReadProgress, Split},
    export::Model,
    recipe::Tta,
    run::Outputs,
    train::evaluate_by,
};

/// By how much the probabilities of an image may miss 1.
const SUM_ERROR: f32 = 1e-3;

/// How a model is called.
pub struct Caller<'a> {
    pub model: &'a dyn Model,
    pub input: &'a Input,
    pub device: tch::Device,
    /// Images in every call, where the model takes one number only.
    pub batch_size: Option<u32>,
}

impl Caller<'_> {
    /// The outputs on the images of `split` at `positions`, with labels in the model's numbers.
    /// Fails if the model fails, gives another number of outputs than there are classes, or one that is not finite.
    pub fn outputs(&self, name: &str, split: &Split, positions: &[u32], subject: &Subject) -> Result<Outputs> {
        let progress = Bar::default();
        progress.begin(&format!("Measuring {name}"), positions.len() as u64);
        let mut outputs = evaluate_by(split, positions, self.device, |images: &Tensor| {
            let logits = self.logits(images).with_context(|| self.input.failure(Tta::None))?;
            progress.advance(images.size()[0] as u64);
            Ok(logits)
        })?;
        progress.end();
        let given = outputs.logits.len() / outputs.labels.len().max(1);
        ensure!(
            given == subject.classes.len(),
            "the model gives {given} outputs an image, but there are {} classes: {}; --class-order names the classes of a model \
             that knows more",
            subject.classes.len(),
            subject.classes.join(", ")
        );
        let broken = outputs.logits.chunks(given).filter(|row| row.iter().any(|value| !value.is_finite())).count();
        ensure!(
            broken == 0,
            "{broken} of the {} images of {name} have an output that is not finite, so this model cannot be measured",
            outputs.labels.len()
        );
        for label in &mut outputs.labels {
            *label = subject.class_of[*label as usize];
        }
        Ok(outputs)
    }

    /// The model's outputs on `images`, in batches of its size. The last batch is filled up with its last image.
    fn logits(&self, images: &Tensor) -> Result<Tensor> {
        let Some(size) = self.batch_size.map(i64::from) else { return self.model.logits(images) };
        let mut rows = Vec::new();
        for batch in images.split(size, 0) {
            let n = batch.size()[0];
            let filling = batch.narrow(0, n - 1, 1).repeat([size - n, 1, 1, 1]);
            rows.push(self.model.logits(&Tensor::cat(&[batch, filling], 0))?.f_narrow(0, 0, n)?);
        }
        Ok(Tensor::cat(&rows, 0))
    }
}

/// Turns the outputs on both sets into logits, as `kind` or the numbers themselves say, and returns what the user should
/// know about it.
/// Fails if `kind` is probabilities, and the numbers are none.
pub fn to_logits(sets: [&mut Outputs; 2], classes: usize, kind: Option<OutputKind>) -> Result<Option<String>> {
    let are_probabilities = sets.iter().all(|set| are_probabilities(&set.logits, classes));
    match kind {
        Some(OutputKind::Logits) => return Ok(None),
        None if !are_probabilities => return Ok(None),
        Some(OutputKind::Probabilities) => ensure!(
            are_probabilities,
            "--outputs probabilities: the model's outputs are not between 0 and 1 with a sum of 1"
        ),
        None => {}
    }
    let mut zeros = 0;
    for set in sets {
        for value in &mut set.logits {
            zeros += usize::from(*value < f32::MIN_POSITIVE);
            *value = value.max(f32::MIN_POSITIVE).ln();
        }
    }
    let zeros = match zeros {
        0 => String::new(),
        zeros => format!("; {zeros} of them are 0 and count as {:e}", f32::MIN_POSITIVE),
    };
    Ok(Some(format!("the model gives probabilities, since every row sums to 1: their logarithms are measured{zeros}")))
}

fn are_probabilities(values: &[f32], classes: usize) -> bool {
    values.chunks(classes).all(|row| {
        row.iter().all(|value| (0.0..=1.0).contains(value)) && (row.iter().sum::<f32>() - 1.0).abs() < SUM_ERROR
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outputs(logits: &[f32]) -> Outputs {
        Outputs { logits: logits.to_vec(), labels: vec![0, 1], ids: vec![0, 1] }
    }

    #[test]
    fn probabilities_are_recognised_and_logits_left_alone() {
        let [mut one, mut two] = [outputs(&[0.25, 0.75, 1.0, 0.0]), outputs(&[0.5, 0.5, 0.1, 0.9])];
        let note = to_logits([&mut one, &mut two], 2, None).unwrap().unwrap();
        assert!(note.contains("1 of them are 0"), "{note}");
        assert!((one.logits[0] - 0.25f32.ln()).abs() < 1e-6 && one.logits[3].is_finite());
        for logits in [[0.25, 0.7, 1.0, 0.0], [1.5, -0.5, 1.0, 0.0]] {
            let [mut one, mut two] = [outputs(&logits), outputs(&[0.5, 0.5, 0.1, 0.9])];
            assert_eq!(to_logits([&mut one, &mut two], 2, None).unwrap(), None);
            assert_eq!(one, outputs(&logits));
            assert!(to_logits([&mut one, &mut two], 2, Some(OutputKind::Probabilities)).is_err());
        }
        let [mut one, mut two] = [outputs(&[0.5; 4]), outputs(&[0.5; 4])];
        assert_eq!(to_logits([&mut one, &mut two], 2, Some(OutputKind::Logits)).unwrap(), None);
        assert_eq!(one, outputs(&[0.5; 4]));
    }
}
