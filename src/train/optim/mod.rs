//! Optimisers with named state. Each rule is one file with one pure update.

mod adamw;
mod clip;
mod layer_decay;
mod sgd;
#[cfg(test)]
mod tests;
mod weight_decay;

use tch::Tensor;

pub use adamw::AdamW;
pub use clip::clip_to_norm;
pub use layer_decay::rate_factors;
pub use sgd::Sgd;
pub use weight_decay::weight_decay;

use crate::{
    model::Parameters,
    recipe::{Opt, Recipe},
};

/// How gradients become updates.
#[derive(Clone, Debug)]
enum UpdateRule {
    Sgd(Sgd),
    AdamW(AdamW),
}

/// A trained tensor and its optimizer state.
#[derive(Debug)]
struct Slot {
    name: String,
    parameter: Tensor,
    /// One tensor for each name in `UpdateRule::state_names`, with the parameter's strides.
    state: Vec<Tensor>,
}

/// Slots that are updated by one call.
#[derive(Debug)]
struct ParameterGroup {
    /// What the learning rate is multiplied by.
    rate_factor: f64,
    weight_decay: f64,
    /// Which of the slots.
    slots: Vec<usize>,
}

/// The tensors of one call of a rule.
struct Members<'a> {
    parameters: Vec<&'a Tensor>,
    /// One for each parameter, with the same strides.
    gradients: Vec<&'a Tensor>,
    /// For each name in `UpdateRule::state_names` a tensor for each parameter.
    state: Vec<Vec<&'a Tensor>>,
    /// Where it is 1, nothing changes: a float32 `[1]` on the device.
    found_inf: Option<&'a Tensor>,
}

/// An optimiser over all trained tensors of a network.
///
/// Tensors that share learning rate and weight decay are updated by one operator call, by libtorch's fused kernels: two
/// calls an update, since norms and biases are spared by weight decay; with `layer_decay` two for each block.
#[derive(Debug)]
pub struct Optimizer {
    rule: UpdateRule,
    slots: Vec<Slot>,
    groups: Vec<ParameterGroup>,
    /// Updates made so far.
    pub updates: u64,
}

impl Optimizer {
    /// The optimiser of `recipe`. Weight decay spares norms and biases unless the recipe says `norm_decay`.
    pub fn new(recipe: &Recipe, parameters: &Parameters) -> Self {
        let rule = match recipe.opt {
            Opt::Sgd => UpdateRule::Sgd(Sgd { momentum: recipe.momentum, nesterov: recipe.nesterov }),
            Opt::Adamw => UpdateRule::AdamW(AdamW::default()),
        };
        let names: Vec<&str> = parameters.all().iter().map(|parameter| parameter.name.as_str()).collect();
        let factor = rate_factors(&names, recipe.layer_decay);
        let mut slots = Vec::new();
        let mut groups: Vec<ParameterGroup> = Vec::new();
        for (number, parameter) in parameters.trained().enumerate() {
            slots.push(Slot {
                name: parameter.name.clone(),
                parameter: parameter.tensor.shallow_clone(),
                state: rule.state_names().iter().map(|_| parameter.tensor.zeros_like()).collect(),
            });
            let (rate_factor, weight_decay) = (factor(&parameter.name), weight_decay(recipe, parameter.role));
            let numbers =
                |group: &&mut ParameterGroup| (group.rate_factor, group.weight_decay) == (rate_factor, weight_decay);
            match groups.iter_mut().find(numbers) {
                Some(group) => group.slots.push(number),
                None => groups.push(ParameterGroup { rate_factor, weight_decay, slots: vec![number] }),
            }
        }
        Self { rule, slots, groups, updates: 0 }
    }

    /// One update at learning rate `rate`. `gradients` are in the order of `Parameters::trained`, each laid out in memory
    /// as its parameter. Where `found_inf`, a float32 `[1]` on the device, is 1, nothing changes; it counts as an update
    /// all the same.
    pub fn step(&mut self, gradients: &[Tensor], rate: f64, found_inf: Option<&Tensor>) {
        assert_eq!(gradients.len(), self.slots.len(), "one gradient for each trained tensor");
        self.updates += 1;
        for ParameterGroup { rate_factor, weight_decay, slots } in &self.groups {
            let own = || slots.iter().map(|&slot| &self.slots[slot]);
            let members = Members {
                parameters: own().map(|slot| &slot.parameter).collect(),
                gradients: slots.iter().map(|&slot| &gradients[slot]).collect(),
                state: (0..self.rule.state_names().len())
                    .map(|name| own().map(|slot| &slot.state[name]).collect())
                    .collect(),
                found_inf,
            };
            let rate = rate * rate_factor;
            match &self.rule {
                UpdateRule::Sgd(sgd) => sgd.update(&members, rate, *weight_decay),
                UpdateRule::AdamW(adamw) => adamw.update(&members, rate, *weight_decay, self.updates),
            }
        }
    }

    /// The state tensors by name, such as `momentum/layer1.0.conv1.weight`; they share their storage with the optimiser.
    pub fn state(&self) -> Vec<(String, &Tensor)> {
        let mut state = Vec::new();
        for slot in &self.slots {
            for (name, tensor) in self.rule.state_names().iter().zip(&slot.state) {
                state.push((format!("{name}/{}", slot.name), tensor));
            }
        }
        state
    }
}

impl UpdateRule {
    /// Names of the state tensors of each parameter.
    fn state_names(&self) -> &'static [&'static str] {
        match self {
            UpdateRule::Sgd(_) => &["momentum"],
            UpdateRule::AdamW(_) => &["first_moment", "second_moment"],
        }
    }
}
