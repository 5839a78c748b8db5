//! The training objective of a run: what its knobs make of logits and targets.

use anyhow::{Result, ensure};
use tch::{Device, Tensor};

use super::{class_weights, focal::focal_loss, logit_adjust, loss::cross_entropy};
use crate::{data::Dataset, recipe::Recipe};

/// The training objective.
#[derive(Debug)]
pub(super) struct Objective {
    smoothing: f64,
    /// Gamma of the focal loss; 0 for cross-entropy.
    focal: f64,
    /// `[classes]`, where classes are weighted.
    pub class_weights: Option<Tensor>,
    /// `[classes]`, what is added to the logits for the sizes of the classes.
    adjustments: Option<Tensor>,
    /// `[classes]`, what is added to the logits that are compared with a teacher's, which was adjusted otherwise.
    toward_teacher: Option<Tensor>,
}

impl Objective {
    /// The objective of `recipe` on the training images of `data`. The teacher, if there is one, was trained with `teachers_adjust` in place
    /// of the recipe's `logit_adjust`.
    /// Fails if a class that has a weight does not exist, or images have soft labels, which class weights cannot weigh.
    pub fn new(recipe: &Recipe, data: &Dataset, teachers_adjust: Option<f64>, device: Device) -> Result<Self> {
        ensure!(
            !(recipe.class_weights.is_on() && data.train.soft.is_some()),
            "`class_weights = \"{}\"`: an image with a soft label has no one class whose weight it could take; use balanced_sampling, or \
             leave the soft labels out",
            recipe.class_weights
        );
        let counts = || data.train.class_counts(data.classes.len());
        let on_device = |values: Vec<f32>| Tensor::from_slice(&values).to_device(device);
        let weights = class_weights::of(&recipe.class_weights, &data.classes, &counts())?;
        let shares = || match &data.train.soft {
            Some(soft) => soft.class_shares(&data.train.labels),
            None => logit_adjust::shares(&counts()),
        };
        let adjustments =
            |tau: f64| (tau != 0.0).then(|| on_device(logit_adjust::adjustments(&shares(), data.train.len(), tau)));
        Ok(Self {
            smoothing: recipe.smoothing,
            focal: recipe.focal,
            class_weights: weights.map(on_device),
            adjustments: adjustments(recipe.logit_adjust),
            toward_teacher: teachers_adjust.and_then(|tau| adjustments(recipe.logit_adjust - tau)),
        })
    }

    /// The logits `[n, classes]` as they are compared with those of a teacher: for classes as frequent as they are for it.
    pub fn toward_teacher(&self, logits: &Tensor) -> Tensor {
        match &self.toward_teacher {
            Some(adjustments) => logits + adjustments,
            None => logits.shallow_clone(),
        }
    }

    /// The mean loss of float32 `logits` `[n, classes]`, a scalar in nats. `targets` are class numbers `[n]` or probabilities
    /// `[n, classes]`.
    pub fn loss(&self, logits: &Tensor, targets: &Tensor) -> Tensor {
        let Some(adjustments) = &self.adjustments else { return self.of(logits, targets, self.smoothing) };
        let adjusted = logits + adjustments;
        if self.smoothing == 0.0 {
            return self.of(&adjusted, targets, 0.0);
        }
        // Spread by the adjusted shares, the smoothing is even for the network's own logits. Spread evenly it would ask them for the rare
        // classes on every image.
        let hard = if targets.dim() == 1 { targets.one_hot(logits.size()[1]) } else { targets.shallow_clone() };
        let hard = hard.to_kind(logits.kind());
        let spread = adjustments.softmax(-1, logits.kind());
        self.of(&adjusted, &(hard * (1.0 - self.smoothing) + spread * self.smoothing), 0.0)
    }

    fn of(&self, logits: &Tensor, targets: &Tensor, smoothing: f64) -> Tensor {
        let weights = self.class_weights.as_ref();
        if self.focal > 0.0 {
            return focal_loss(logits, targets, weights, smoothing, self.focal);
        }
        cross_entropy(logits, targets, weights, smoothing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::distillation::distillation_loss;

    /// The objective for two classes of which the second is a fiftieth of the images.
    fn objective(smoothing: f64, toward_teacher: Option<f64>) -> Objective {
        let adjustments = |tau| Tensor::from_slice(&logit_adjust::adjustments(&[0.98, 0.02], 100, tau));
        Objective {
            smoothing,
            focal: 0.0,
            class_weights: None,
            adjustments: Some(adjustments(1.0)),
            toward_teacher: toward_teacher.map(adjustments),
        }
    }

    fn logits(probability_of_second: f64) -> Tensor {
        Tensor::from_slice(&[(1.0 - probability_of_second).ln() as f32, probability_of_second.ln() as f32]).view([1, 2])
    }

    #[test]
    fn smoothing_of_adjusted_logits_asks_no_image_for_the_rare_class() {
        let objective = objective(0.1, None);
        let loss = |probability: f64, label: i64| {
            objective.loss(&logits(probability), &Tensor::from_slice(&[label])).double_value(&[])
        };
        let best = |label| {
            let steps = (1..100).map(|step| f64::from(step) / 100.0);
            steps.min_by(|a, b| loss(*a, label).total_cmp(&loss(*b, label))).unwrap()
        };
        assert!(best(0) < 0.15 && best(1) > 0.85, "{} {}", best(0), best(1));
    }

    #[test]
    fn a_teacher_that_was_not_adjusted_is_compared_with_the_adjusted_logits() {
        // For equally frequent classes 0.2 : 0.8 is, among classes of 0.98 and 0.02, 0.196 : 0.016.
        let natural = logits(0.016 / 0.212);
        let student = objective(0.0, Some(1.0)).toward_teacher(&logits(0.8));
        assert!(distillation_loss(&student, &natural, 1.0).double_value(&[]).abs() < 1e-6);
        let alike = objective(0.0, None).toward_teacher(&logits(0.8));
        assert!(distillation_loss(&alike, &logits(0.8), 1.0).double_value(&[]).abs() < 1e-6);
    }
}
