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
}

impl Objective {
    /// The objective of `recipe` on the training images of `data`.
    /// Fails if a class that has a weight does not exist, or images have soft labels, which class weights cannot weigh.
    pub fn new(recipe: &Recipe, data: &Dataset, device: Device) -> Result<Self> {
        ensure!(
            !(recipe.class_weights.is_on() && data.train.soft.is_some()),
            "`class_weights = \"{}\"`: an image with a soft label has no one class whose weight it could take; use balanced_sampling, or \
             leave the soft labels out",
            recipe.class_weights
        );
        let counts = || data.train.class_counts(data.classes.len());
        let on_device = |values: Vec<f32>| Tensor::from_slice(&values).to_device(device);
        let weights = class_weights::of(&recipe.class_weights, &data.classes, &counts())?;
        Ok(Self {
            smoothing: recipe.smoothing,
            focal: recipe.focal,
            class_weights: weights.map(on_device),
            adjustments: (recipe.logit_adjust > 0.0)
                .then(|| on_device(logit_adjust::adjustments(&counts(), recipe.logit_adjust))),
        })
    }

    /// The mean loss of float32 `logits` `[n, classes]`, a scalar in nats. `targets` are class numbers `[n]` or probabilities
    /// `[n, classes]`.
    pub fn loss(&self, logits: &Tensor, targets: &Tensor) -> Tensor {
        let adjusted = self.adjustments.as_ref().map(|adjustments| logits + adjustments);
        let logits = adjusted.as_ref().unwrap_or(logits);
        let weights = self.class_weights.as_ref();
        if self.focal > 0.0 {
            return focal_loss(logits, targets, weights, self.smoothing, self.focal);
        }
        cross_entropy(logits, targets, weights, self.smoothing)
    }
}
