//! Stochastic gradient descent with momentum, as PyTorch defines it: the velocity sums gradients (no dampening) and the
//! rate multiplies the velocity, so that a change of rate acts at once.

use super::Members;
use crate::torch::lists::{self, SgdUpdate};

/// The hyperparameters of SGD besides learning rate and weight decay.
#[derive(Clone, Debug)]
pub struct Sgd {
    /// Share of the velocity that is kept, in [0, 1).
    pub momentum: f64,
    /// Nesterov momentum (Sutskever et al. 2013, in PyTorch's form).
    pub nesterov: bool,
}

impl Sgd {
    /// v ← momentum·v + g, p ← p − rate·v, where g includes decay·p; with nesterov p ← p − rate·(g + momentum·v).
    pub(super) fn update(&self, members: &Members, rate: f64, decay: f64) {
        let update = SgdUpdate { rate, momentum: self.momentum, nesterov: self.nesterov, decay };
        let Members { parameters, gradients, state, found_inf } = members;
        lists::sgd(parameters, gradients, &state[0], update, *found_inf);
    }
}
