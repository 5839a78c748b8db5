//! Optimizers with named state.

mod clip;
mod layer_decay;
mod lookahead;
mod muon;
mod norm_bias_lr;
#[cfg(test)]
mod tests;
mod weight_decay;

use tch::{Kind, Tensor};

pub use clip::clip_to_norm;
pub use layer_decay::rate_factors;
pub use weight_decay::weight_decay;

use self::{lookahead::Lookahead, muon::MuonUpdate};
use super::loss_scale::Overflow;
use crate::{
    model::{Parameter, Parameters, Role},
    recipe::{Opt, Recipe},
    torch::lists::{self, AdamWUpdate, SgdUpdate},
};

/// The rule by which gradients become updates.
#[derive(Clone, Copy, Debug, PartialEq)]
enum UpdateRule {
    /// Stochastic gradient descent with momentum, as PyTorch defines it: the velocity sums gradients (no dampening) and
    /// the rate multiplies the velocity, so that a change of rate acts at once. Nesterov momentum (Sutskever et al. 2013)
    /// has PyTorch's form.
    Sgd { momentum: f64, nesterov: bool },
    /// Adam with decoupled weight decay (Loshchilov and Hutter 2019).
    AdamW,
    /// Momentum made orthogonal: see [`muon`].
    Muon { momentum: f64 },
}

/// A trained tensor and its optimizer state.
#[derive(Debug)]
struct Slot {
    name: String,
    parameter: Tensor,
    rule: UpdateRule,
    /// One tensor for each name in `UpdateRule::state_names`, with the parameter's strides.
    state: Vec<Tensor>,
}

/// The slots that one call updates.
#[derive(Debug)]
struct ParameterGroup {
    rule: UpdateRule,
    /// The factor of the learning rate.
    rate_factor: f64,
    weight_decay: f64,
    /// The indices of the slots.
    slots: Vec<usize>,
}

/// An optimizer over all trained tensors of a network.
///
/// Tensors that share learning rate and weight decay are updated by one call of libtorch's fused kernels. An update takes
/// two calls, since norms and biases have no weight decay; with `layer_decay` it takes two for each block.
#[derive(Debug)]
pub struct Optimizer {
    slots: Vec<Slot>,
    groups: Vec<ParameterGroup>,
    lookahead: Option<Lookahead>,
    /// Updates made so far.
    pub updates: u64,
}

impl Optimizer {
    /// The optimizer of `recipe`. Norms and biases have weight decay only with `norm_decay`.
    pub fn new(recipe: &Recipe, parameters: &Parameters) -> Self {
        let names: Vec<&str> = parameters.all().iter().map(|parameter| parameter.name.as_str()).collect();
        let factor = rate_factors(&names, recipe.layer_decay);
        let mut slots = Vec::new();
        let mut groups: Vec<ParameterGroup> = Vec::new();
        for (number, parameter) in parameters.trained().enumerate() {
            let rule = UpdateRule::of(recipe, parameter);
            slots.push(Slot {
                name: parameter.name.clone(),
                parameter: parameter.tensor.shallow_clone(),
                rule,
                state: rule.state_names().iter().map(|_| parameter.tensor.zeros_like()).collect(),
            });
            let rate_factor = factor(&parameter.name) * norm_bias_lr::rate_factor(recipe, parameter, parameters.all());
            let weight_decay = weight_decay(recipe, parameter.role);
            let is_alike = |group: &&mut ParameterGroup| {
                (group.rule, group.rate_factor, group.weight_decay) == (rule, rate_factor, weight_decay)
            };
            match groups.iter_mut().find(is_alike) {
                Some(group) => group.slots.push(number),
                None => groups.push(ParameterGroup { rule, rate_factor, weight_decay, slots: vec![number] }),
            }
        }
        let lookahead = Lookahead::new(recipe, slots.iter().map(|slot| slot.parameter.shallow_clone()).collect());
        Self { slots, groups, lookahead, updates: 0 }
    }

    /// Makes one update at learning rate `rate`. `gradients` are in the order of `Parameters::trained`, each with the
    /// strides of its parameter. Where they overflowed, no tensor changes, but the update is counted.
    pub fn step(&mut self, gradients: &[Tensor], rate: f64, overflow: Option<&Overflow>) {
        assert_eq!(gradients.len(), self.slots.len(), "one gradient for each trained tensor");
        if let (0, Some(lookahead)) = (self.updates, &self.lookahead) {
            lookahead.start();
        }
        self.updates += 1;
        let found_inf = overflow.map(|overflow| &overflow.found_inf);
        for ParameterGroup { rule, rate_factor, weight_decay, slots } in &self.groups {
            let own = || slots.iter().map(|&slot| &self.slots[slot]);
            let parameters: Vec<&Tensor> = own().map(|slot| &slot.parameter).collect();
            let gradients: Vec<&Tensor> = slots.iter().map(|&slot| &gradients[slot]).collect();
            let state = |number: usize| -> Vec<&Tensor> { own().map(|slot| &slot.state[number]).collect() };
            let (rate, decay) = (rate * rate_factor, *weight_decay);
            match *rule {
                UpdateRule::Sgd { momentum, nesterov } => {
                    let update = SgdUpdate { rate, momentum, nesterov, decay };
                    lists::sgd(&parameters, &gradients, &state(0), update, found_inf);
                }
                UpdateRule::AdamW => {
                    let mut updates =
                        Tensor::full([0i64; 0], self.updates as f64, (Kind::Float, parameters[0].device()));
                    // The moments know nothing of skipped updates, so they are not corrected for them.
                    if let Some(overflow) = overflow {
                        updates -= &overflow.skipped;
                    }
                    // PyTorch's defaults.
                    let update = AdamWUpdate { rate, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay };
                    lists::adamw(&parameters, &gradients, [&state(0), &state(1)], &updates, update, found_inf);
                }
                UpdateRule::Muon { momentum } => {
                    let _guard = tch::no_grad_guard();
                    let update = MuonUpdate { rate, momentum, decay };
                    for ((parameter, gradient), average) in parameters.iter().zip(gradients).zip(state(0)) {
                        muon::step(parameter, gradient, average, update, found_inf);
                    }
                }
            }
        }
        if let Some(lookahead) = &self.lookahead {
            lookahead.after(self.updates);
        }
    }

    /// Ends an epoch, whose weights are then measured and kept: with Lookahead they are the slow ones.
    pub fn end_epoch(&self) {
        if let Some(lookahead) = &self.lookahead {
            lookahead.synchronise();
        }
    }

    /// The state tensors by name, such as `momentum/layer1.0.conv1.weight`; they share their storage with the optimizer.
    pub fn state(&self) -> Vec<(String, &Tensor)> {
        let mut state = Vec::new();
        for slot in &self.slots {
            for (name, tensor) in slot.rule.state_names().iter().zip(&slot.state) {
                state.push((format!("{name}/{}", slot.name), tensor));
            }
        }
        let slow = self.lookahead.iter().flat_map(|lookahead| &lookahead.slow);
        state.extend(self.slots.iter().zip(slow).map(|(slot, tensor)| (format!("slow/{}", slot.name), tensor)));
        state
    }
}

impl UpdateRule {
    /// The rule of `recipe` for `parameter`.
    fn of(recipe: &Recipe, parameter: &Parameter) -> Self {
        let is_convolution = parameter.role == Role::Weight && parameter.tensor.dim() == 4;
        match recipe.opt {
            Opt::Sgd => Self::Sgd { momentum: recipe.momentum, nesterov: recipe.nesterov },
            Opt::Muon if is_convolution => Self::Muon { momentum: recipe.momentum },
            Opt::Adamw | Opt::Muon => Self::AdamW,
        }
    }

    /// Names of the state tensors of each parameter.
    fn state_names(&self) -> &'static [&'static str] {
        match self {
            UpdateRule::Sgd { .. } | UpdateRule::Muon { .. } => &["momentum"],
            UpdateRule::AdamW => &["first_moment", "second_moment"],
        }
    }
}
