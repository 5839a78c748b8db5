//! Averaged weights: a second network beside the trained one, which is the model once it holds an average.

use tch::Device;

use super::{ema, swa};
use crate::{
    model::{Architecture, ResNet},
    recipe::Recipe,
    torch::lists,
};

/// How weights are averaged.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Averaging {
    Exponential { decay: f64 },
    Equal { first_epoch: u32 },
}

/// The averaged weights of a run.
#[derive(Debug)]
pub struct Average {
    /// The averaged network; before the first average it has the initial weights.
    pub network: ResNet,
    /// How many sets of weights have been averaged.
    pub count: u64,
    averaging: Averaging,
}

impl Average {
    /// The average that `recipe` asks for, with nothing in it yet.
    pub fn new(recipe: &Recipe, architecture: &Architecture, device: Device) -> Option<Self> {
        let averaging = if recipe.model_ema {
            Averaging::Exponential { decay: recipe.model_ema_decay }
        } else if recipe.swa_start > 0 {
            Averaging::Equal { first_epoch: recipe.swa_start }
        } else {
            return None;
        };
        Some(Self { network: ResNet::new(architecture, recipe.seed, device), count: 0, averaging })
    }

    /// Copies the initial weights of `model` into an average that holds nothing yet.
    pub fn start_from(&self, model: &ResNet) {
        self.move_towards(model, 1.0);
    }

    /// The averaged network, once it holds an average.
    pub fn active(&self) -> Option<&ResNet> {
        (self.count > 0).then_some(&self.network)
    }

    /// Takes the weights of `model` after an update into account.
    pub fn after_update(&mut self, model: &ResNet) {
        if let Averaging::Exponential { decay } = self.averaging {
            self.count += 1;
            self.move_towards(model, ema::share_at(decay, self.count));
        }
    }

    /// Takes the weights of `model` at the end of `epoch` (from 1) into account. Returns true where batch norm's
    /// running statistics must then be re-estimated.
    pub fn after_epoch(&mut self, model: &ResNet, epoch: u32) -> bool {
        let Averaging::Equal { first_epoch } = self.averaging else { return false };
        if epoch < first_epoch {
            return false;
        }
        self.move_towards(model, swa::share_at(self.count));
        self.count += 1;
        true
    }

    /// Moves every averaged tensor, running statistics included, by `share` of the way to that of `model`.
    fn move_towards(&self, model: &ResNet, share: f64) {
        lists::lerp_all(&self.network.parameters.tensors(), &model.parameters.tensors(), share);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An empty average of a small network under `recipe`, and two such networks.
    fn average(recipe: Recipe) -> (Average, [ResNet; 2]) {
        let recipe = Recipe { model: "resnet8".into(), width: Some(2), ..recipe };
        let architecture = Architecture::new(&recipe, 1, 3).unwrap();
        let models = [4, 5].map(|seed| ResNet::new(&architecture, seed, Device::Cpu));
        (Average::new(&recipe, &architecture, Device::Cpu).unwrap(), models)
    }

    #[test]
    fn the_exponential_average_holds_the_buffers_of_batch_norm_too() {
        let (mut average, [model, _]) = average(Recipe { model_ema: true, ..Recipe::default() });
        let _guard = tch::no_grad_guard();
        for parameter in model.parameters.all() {
            let _ = parameter.tensor.shallow_clone().fill_(2.0);
        }
        assert!(average.active().is_none());
        for _ in 0..200 {
            average.after_update(&model);
        }
        for parameter in average.active().unwrap().parameters.all() {
            let far = (&parameter.tensor - 2.0).abs().max().double_value(&[]);
            assert!(far < 1e-5, "{} is {far} away", parameter.name);
        }
    }

    #[test]
    fn the_equal_average_begins_with_its_epoch() {
        let (mut average, [one, other]) = average(Recipe { swa_start: 3, ..Recipe::default() });
        assert!(!average.after_epoch(&one, 2) && average.active().is_none());
        assert!(average.after_epoch(&one, 3) && average.after_epoch(&other, 4));
        let weight = |network: &ResNet| network.parameters.all()[0].tensor.copy();
        let mean = (weight(&one) + weight(&other)) / 2.0;
        assert!(weight(&average.network).allclose(&mean, 0.0, 1e-7, false));
    }
}
