//! AdamW: Adam with decoupled weight decay (Loshchilov and Hutter 2019), with PyTorch's defaults.

use tch::{Kind, Tensor};

use super::Members;
use crate::torch::lists::{self, AdamWUpdate};

/// The hyperparameters of AdamW besides learning rate and weight decay.
#[derive(Clone, Debug)]
pub struct AdamW {
    /// Decay of the mean of the gradients.
    pub beta1: f64,
    /// Decay of the mean of the squared gradients.
    pub beta2: f64,
    /// Added to the denominator, so that the division is finite.
    pub epsilon: f64,
}

impl Default for AdamW {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
    }
}

impl AdamW {
    /// p ← p·(1 − rate·decay) − rate·m̂ / (√v̂ + ε); `updates`, which counts from 1, corrects the bias
    /// of means that begin at 0.
    pub(super) fn update(&self, members: &Members, rate: f64, decay: f64, updates: u64) {
        let Self { beta1, beta2, epsilon } = *self;
        let Members { parameters, gradients, state, found_inf } = members;
        let number = Tensor::full([0i64; 0], updates as f64, (Kind::Float, parameters[0].device()));
        let update = AdamWUpdate { rate, beta1, beta2, epsilon, decay };
        lists::adamw(parameters, gradients, [&state[0], &state[1]], &number, update, *found_inf);
    }
}
