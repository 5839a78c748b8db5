//! Averaged weights: a second network beside the trained one, which is the model once it holds an average.

use tch::{Device, Tensor};

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
        let [averages, values] = [&self.network, model].map(|network| -> Vec<&Tensor> {
            network.parameters.all().iter().map(|parameter| &parameter.tensor).collect()
        });
        lists::lerp_all(&averages, &values, share);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(recipe: &Recipe, seed: u64) -> ResNet {
        ResNet::new(&Architecture::new(recipe, 1, 3).unwrap(), seed, Device::Cpu)
    }

    fn recipe(change: impl FnOnce(&mut Recipe)) -> Recipe {
        let mut recipe = Recipe { model: "resnet8".into(), width: Some(2), ..Recipe::default() };
        change(&mut recipe);
        recipe
    }

    #[test]
    fn the_exponential_average_holds_the_buffers_of_batch_norm_too() {
        let recipe = recipe(|recipe| recipe.model_ema = true);
        let model = network(&recipe, 1);
        let _guard = tch::no_grad_guard();
        for parameter in model.parameters.all() {
            let _ = parameter.tensor.shallow_clone().fill_(2.0);
        }
        let architecture = Architecture::new(&recipe, 1, 3).unwrap();
        let mut average = Average::new(&recipe, &architecture, Device::Cpu).unwrap();
        assert!(average.active().is_none());
        for _ in 0..200 {
            average.after_update(&model);
        }
        let network = average.active().unwrap();
        for parameter in network.parameters.all() {
            let far = (&parameter.tensor - 2.0).abs().max().double_value(&[]);
            assert!(far < 1e-5, "{} is {far} away", parameter.name);
        }
    }

    #[test]
    fn the_equal_average_begins_with_its_epoch() {
        let recipe = recipe(|recipe| recipe.swa_start = 3);
        let architecture = Architecture::new(&recipe, 1, 3).unwrap();
        let mut average = Average::new(&recipe, &architecture, Device::Cpu).unwrap();
        let models = [4, 5].map(|seed| network(&recipe, seed));
        assert!(!average.after_epoch(&models[0], 2) && average.active().is_none());
        assert!(average.after_epoch(&models[0], 3) && average.after_epoch(&models[1], 4));
        let weight = |network: &ResNet| network.parameters.all()[0].tensor.copy();
        let mean = (weight(&models[0]) + weight(&models[1])) / 2.0;
        assert!(weight(&average.network).allclose(&mean, 0.0, 1e-7, false));
    }
}
