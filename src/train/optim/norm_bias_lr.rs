//! A higher rate for the biases of norms, for `--norm-bias-lr FACTOR`.
//!
//! | | |
//! |---|---|
//! | What | The biases of batch norm, which shift what a layer passes on, have FACTOR times the learning rate of everything else. Their scales do not. |
//! | When it helps | Very short runs: at the rate of the convolutions the biases hardly leave zero within a few hundred updates. |
//! | Costs | Nothing. Too large a factor makes the beginning unstable, the more so without warm-up. With `--norm-decay` their decay, which acts through the rate, grows by the factor too. |
//! | Usual values | 4 to 64 in runs of ten epochs; 1 in long ones. |
//! | Reference | Jordan 2024, "94% on CIFAR-10 in 3.29 seconds on a single GPU" (arXiv 2404.00498), section 3.4, after Page 2019 and tysam-code: 64. |

use crate::{
    model::{Parameter, Role},
    recipe::Recipe,
};

/// The factor of the learning rate for `parameter`. `all` are the tensors of its network.
pub fn rate_factor(recipe: &Recipe, parameter: &Parameter, all: &[Parameter]) -> f64 {
    let Some(layer) = parameter.name.strip_suffix(".bias") else { return 1.0 };
    let scale = format!("{layer}.weight");
    let is_norm = all.iter().any(|other| other.name == scale && other.role == Role::NormOrBias);
    if is_norm { recipe.norm_bias_lr } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Architecture, ResNet};

    #[test]
    fn only_the_biases_of_norms_have_another_rate() {
        let recipe = Recipe { model: "resnet8".into(), se: 4, norm_bias_lr: 16.0, ..Recipe::default() };
        let network = ResNet::new(&Architecture::new(&recipe, 1, 3).unwrap(), 0, tch::Device::Cpu);
        let all = network.parameters.all();
        let factor = |name: &str| rate_factor(&recipe, all.iter().find(|it| it.name == name).unwrap(), all);
        let biases = ["bn1.bias", "layer2.0.bn2.bias", "layer3.0.downsample.1.bias"];
        assert_eq!(biases.map(factor), [16.0; 3]);
        assert_eq!(["bn1.weight", "conv1.weight", "fc.bias", "layer1.0.se.fc1.bias"].map(factor), [1.0; 4]);
    }
}
