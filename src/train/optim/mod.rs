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
enum Rule {
    Sgd(Sgd),
    AdamW(AdamW),
}

/// A trained tensor and what the rule remembers of it.
#[derive(Debug)]
struct Slot {
    name: String,
    parameter: Tensor,
    /// What the learning rate is multiplied by.
    rate_factor: f64,
    weight_decay: f64,
    /// One tensor for each name in `Rule::memory`, of the parameter's shape.
    memory: Vec<Tensor>,
}

/// An optimiser over all trained tensors of a network.
#[derive(Debug)]
pub struct Optimizer {
    rule: Rule,
    slots: Vec<Slot>,
    /// Updates made so far.
    pub updates: u64,
}

impl Optimizer {
    /// The optimiser of `recipe`. Weight decay spares norms and biases unless the recipe says `norm_decay`.
    pub fn new(recipe: &Recipe, parameters: &Parameters) -> Self {
        let rule = match recipe.opt {
            Opt::Sgd => Rule::Sgd(Sgd { momentum: recipe.momentum, nesterov: recipe.nesterov }),
            Opt::Adamw => Rule::AdamW(AdamW::default()),
        };
        let names: Vec<&str> = parameters.all().iter().map(|parameter| parameter.name.as_str()).collect();
        let factor = rate_factors(&names, recipe.layer_decay);
        let slots = parameters.trained().map(|parameter| Slot {
            name: parameter.name.clone(),
            parameter: parameter.tensor.shallow_clone(),
            rate_factor: factor(&parameter.name),
            weight_decay: weight_decay(recipe, parameter.role),
            memory: rule.memory().iter().map(|_| parameter.tensor.zeros_like()).collect(),
        });
        let slots = slots.collect();
        Self { rule, slots, updates: 0 }
    }

    /// One update at learning rate `rate`. `gradients` stand in the order of `Parameters::trained`.
    pub fn step(&mut self, gradients: &[Tensor], rate: f64) {
        assert_eq!(gradients.len(), self.slots.len(), "one gradient for each trained tensor");
        let _guard = tch::no_grad_guard();
        self.updates += 1;
        for (slot, gradient) in self.slots.iter_mut().zip(gradients) {
            let Slot { parameter, rate_factor, weight_decay, memory, .. } = slot;
            let rate = rate * *rate_factor;
            match &self.rule {
                Rule::Sgd(sgd) => sgd.update(parameter, gradient, memory, rate, *weight_decay),
                Rule::AdamW(adamw) => adamw.update(parameter, gradient, memory, rate, *weight_decay, self.updates),
            }
        }
    }

    /// [`Self::step`], taken back where `skip`, a boolean scalar on the device, is true. It counts as an update all the
    /// same.
    pub fn step_unless(&mut self, skip: &Tensor, gradients: &[Tensor], rate: f64) {
        let _guard = tch::no_grad_guard();
        let changed = |slots: &[Slot]| -> Vec<Tensor> {
            let tensors = slots.iter().flat_map(|slot| [&slot.parameter].into_iter().chain(&slot.memory));
            tensors.map(Tensor::detach).collect()
        };
        let before: Vec<Tensor> = changed(&self.slots).iter().map(Tensor::copy).collect();
        self.step(gradients, rate);
        for (mut now, before) in changed(&self.slots).into_iter().zip(before) {
            now.copy_(&before.where_self(skip, &now));
        }
    }

    /// What the rule remembers, as `momentum/layer1.0.conv1.weight` and so on, shared with the optimiser.
    pub fn memory(&self) -> Vec<(String, &Tensor)> {
        let names = self.rule.memory();
        let slots = self.slots.iter();
        slots.flat_map(|slot| names.iter().map(|name| format!("{name}/{}", slot.name)).zip(&slot.memory)).collect()
    }
}

impl Rule {
    /// Names of the tensors that the rule keeps for each parameter.
    fn memory(&self) -> &'static [&'static str] {
        match self {
            Rule::Sgd(_) => &["momentum"],
            Rule::AdamW(_) => &["first_moment", "second_moment"],
        }
    }
}
