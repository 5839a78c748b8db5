//! Knowledge distillation, for `--teacher MODEL`, `--kd-average`, `--kd-alpha A` and `--kd-temperature T`.
//!
//! | | |
//! |---|---|
//! | What | The network also learns the probabilities that a trained network, the teacher, gives to the same augmented images: a share A of the objective is T² times the Kullback-Leibler divergence between the two at temperature T. |
//! | When it helps | Where a larger network or an ensemble is better than the one that shall be used: the small one reaches more of its accuracy than labels alone would teach it, with a smaller gap. Its own earlier run as the teacher (self-distillation), or with `--kd-average` its own averaged weights so far, regularises like label smoothing that knows which classes are alike. |
//! | Costs | A forward pass of the teacher for every batch, and its memory. A TorchScript file that mindgap did not write is given images of 0 to 255 and has to return logits: normalisation must be inside, softmax must not. What the teacher gets wrong is learned too; a teacher with a gap of its own has memorised the labels it teaches. |
//! | Usual values | A 0.5 to 0.9, T 2 to 4. |
//! | Reference | Hinton, Vinyals and Dean 2015, "Distilling the knowledge in a neural network"; Beyer et al. 2022, "Knowledge distillation: a good teacher is patient and consistent", whose student and teacher see the same views; for the average as the teacher, Tarvainen and Valpola 2017, "Mean teachers are better role models". |

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use tch::{Kind, Tensor};

use crate::{
    augment::Normalize,
    data::Dataset,
    model::{Description, pretrained},
    recipe::Recipe,
    run::{RunFolder, TeacherFile},
    torch::{self, ScriptModule},
};

/// A trained network that teaches another.
#[derive(Debug)]
pub(super) struct Teacher {
    module: ScriptModule,
    /// Its file.
    pub file: TeacherFile,
    /// The student's normalisation, which is undone for the teacher: it has one of its own.
    normalize: Normalize,
    classes: i64,
    /// The `logit_adjust` with which it was trained; 0 where its file does not say.
    pub logit_adjust: f64,
}

impl Teacher {
    /// The teacher of `recipe`, if it names one, for images that `normalize` has normalised.
    /// Fails if the file cannot be read, or is of a network for other classes or channels than those of `data`.
    pub fn load(recipe: &Recipe, data: &Dataset, normalize: &Normalize) -> Result<Option<Self>> {
        let Some(given) = &recipe.teacher else { return Ok(None) };
        let path = file_of(given);
        let about = || format!("teacher = \"{given}\"");
        ensure!(
            path == Path::new(given) || path.exists(),
            "teacher = \"{given}\": the folder holds no {}: finish the run there with `mindgap train --out {given} --resume`, or export its \
             network with `mindgap export {given}`",
            RunFolder::TORCHSCRIPT
        );
        let bytes =
            std::fs::read(&path).with_context(|| format!("cannot read {}", path.display())).with_context(about)?;
        let (module, described) = ScriptModule::load(&path, normalize.device(), Description::FILE)
            .with_context(|| {
                format!("{} is no TorchScript file: give a run folder, or a file such as its model.pt", path.display())
            })
            .with_context(about)?;
        let mut logit_adjust = 0.0;
        let is_described = described.is_some();
        if let Some(described) = described {
            let description = Description::from_json(&described).with_context(about)?;
            logit_adjust = description.recipe().with_context(about)?.logit_adjust;
            let Description { classes, channels, .. } = description;
            ensure!(
                classes == data.classes,
                "teacher = \"{given}\" is a network for the classes {}, the data have {}",
                classes.join(", "),
                data.classes.join(", ")
            );
            ensure!(
                channels == data.channels,
                "teacher = \"{given}\" takes images of {channels} channel(s), these have {}",
                data.channels
            );
        }
        let teacher = Self {
            module,
            file: TeacherFile { path: path.display().to_string(), hash: pretrained::hash(&bytes) },
            normalize: normalize.clone(),
            classes: data.classes.len() as i64,
            logit_adjust,
        };
        if !is_described {
            teacher.refuse_probabilities(data).with_context(about)?;
        }
        Ok(Some(teacher))
    }

    /// Fails if the teacher gives probabilities in place of logits, or fails on two black images of the size of the data.
    fn refuse_probabilities(&self, data: &Dataset) -> Result<()> {
        let size = i64::from(data.size);
        let shape = [2, i64::from(data.channels), size, size];
        let outputs = self.logits(&Tensor::zeros(shape, (Kind::Float, self.normalize.device())))?;
        let sums = outputs.sum_dim_intlist(-1, false, None::<Kind>);
        let (lowest, off) = (torch::read_number(&outputs.min())?, torch::read_number(&(sums - 1.0).abs().max())?);
        let are_probabilities = lowest >= 0.0 && off < 1e-3;
        ensure!(!are_probabilities, "the network gives probabilities, not logits: export it without its softmax");
        Ok(())
    }

    /// The teacher's float32 logits `[n, classes]` on normalised images `[n, c, h, w]`.
    /// Fails if the network does, or gives another shape.
    pub fn logits(&self, images: &Tensor) -> Result<Tensor> {
        let _guard = tch::no_grad_guard();
        let logits = self.module.forward(&self.normalize.invert(images)).context("the teacher fails on a batch")?;
        ensure!(
            logits.size() == [images.size()[0], self.classes],
            "the teacher's output has shape {:?}, not {} logits for each of {} images",
            logits.size(),
            self.classes,
            images.size()[0]
        );
        Ok(logits.to_kind(Kind::Float))
    }
}

/// The TorchScript file that `given` names: itself, or that of a run folder.
fn file_of(given: &str) -> PathBuf {
    let path = Path::new(given);
    if path.is_dir() { path.join(RunFolder::TORCHSCRIPT) } else { path.to_owned() }
}

/// The objective for the student's `logits` `[n, classes]`, where `own` is what it is without a teacher and `taught` are the teacher's
/// logits.
pub(super) fn objective(recipe: &Recipe, own: &Tensor, logits: &Tensor, taught: &Tensor) -> Tensor {
    own * (1.0 - recipe.kd_alpha) + distillation_loss(logits, taught, recipe.kd_temperature) * recipe.kd_alpha
}

/// T² times the mean Kullback-Leibler divergence of the student's probabilities from the teacher's, both at `temperature` T, a
/// scalar in nats. Logits are `[n, classes]`. T² keeps the size of the gradient, which falls with it.
pub fn distillation_loss(student: &Tensor, teacher: &Tensor, temperature: f64) -> Tensor {
    let logs = |logits: &Tensor| (logits / temperature).log_softmax(-1, logits.kind());
    let (student, teacher) = (logs(student), logs(teacher));
    let divergence = (teacher.exp() * (teacher - student)).sum_dim_intlist(-1, false, None::<Kind>);
    divergence.mean(None::<Kind>) * (temperature * temperature)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loss_is_the_divergence_from_the_teacher_at_the_temperature() {
        let student = Tensor::from_slice(&[0f64, 0.0, 0.0, 2.0]).view([2, 2]);
        let teacher = Tensor::from_slice(&[2.0 * 3f64.ln(), 0.0, 0.0, 2.0]).view([2, 2]);
        // At T = 2 the first teacher says 3/4 and 1/4, its student 1/2 each; the second pair agrees.
        let divergence = 0.75 * 1.5f64.ln() + 0.25 * 0.5f64.ln();
        let loss = distillation_loss(&student, &teacher, 2.0).double_value(&[]);
        assert!((loss - 4.0 * divergence / 2.0).abs() < 1e-12, "{loss}");
        assert!(distillation_loss(&teacher, &teacher, 2.0).double_value(&[]).abs() < 1e-12);
    }
}
