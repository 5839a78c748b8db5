//! Frozen layers, which keep their pretrained weights, for `--freeze-until LAYER`.
//!
//! | | |
//! |---|---|
//! | What | The layers before LAYER (`layer1` … `layer4`, or `fc` for the classifier alone) run in eval mode in training too: no gradient, no weight decay, no optimizer state, no dropout, and batch norm keeps its pretrained statistics. Needs `--pretrained`. |
//! | When it helps | With few images that resemble those of the pretraining: layers that are not trained cannot memorise images. |
//! | Costs | Less time, since the backward pass ends at LAYER. Freezing too much underfits where the new images differ. |
//! | Usual values | `layer3` or `layer4` for hundreds of images, `fc` for a first trial, none for tens of thousands. |
//! | Reference | Yosinski et al. 2014, "How transferable are features in deep neural networks?". |

/// The part of a network to which the tensor `name` belongs: 0 is the stem, then come the stages from 1 on; the
/// classifier comes after all of them.
pub(super) fn part(name: &str) -> usize {
    let layer = name.split('.').next().unwrap_or_default();
    match layer.strip_prefix("layer").map(str::parse) {
        Some(Ok(stage)) => stage,
        _ if layer == "fc" => usize::MAX,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, Tensor};

    use crate::{
        model::{Architecture, Mode, ResNet},
        random::{Purpose, Stream},
        recipe::{FirstTrained, Recipe},
    };

    #[test]
    fn what_lies_before_the_first_trained_layer_is_frozen() {
        let all = ["conv1", "bn1", "layer1", "layer2", "layer3", "fc"];
        for (first, frozen) in
            [(FirstTrained::Conv1, 0), (FirstTrained::Layer1, 2), (FirstTrained::Layer3, 4), (FirstTrained::Fc, 5)]
        {
            let plain = Recipe { model: "resnet8".into(), freeze_until: first, ..Recipe::default() };
            let options = Recipe { resnet_d: true, blur_pool: true, se: 16, ..plain.clone() };
            for recipe in [plain, options] {
                let architecture = Architecture::new(&recipe, 1, 3).unwrap();
                let network = ResNet::new(&architecture, 0, Device::Cpu);
                assert_eq!(network.parameters.count(), architecture.cost(32).parameters);
                let layers = network.parameters.trained().map(|parameter| parameter.name.split('.').next().unwrap());
                let mut layers: Vec<&str> = layers.collect();
                layers.dedup();
                assert_eq!(layers, all[frozen..]);
            }
        }
    }

    #[test]
    fn frozen_layers_run_as_in_evaluation_and_get_no_gradient() {
        let layer = |name: &str| name.split('.').next().unwrap().to_owned();
        let recipe = Recipe {
            model: "resnet8".into(),
            width: Some(2),
            drop_path: 0.5,
            resnet_d: true,
            blur_pool: true,
            se: 4,
            freeze_until: FirstTrained::Layer2,
            ..Recipe::default()
        };
        let network = ResNet::new(&Architecture::new(&recipe, 1, 3).unwrap(), 0, Device::Cpu);
        let statistics = || -> Vec<(String, Tensor)> {
            let all = network.parameters.all().iter().filter(|parameter| parameter.name.contains("running"));
            all.map(|parameter| (layer(&parameter.name), parameter.tensor.copy())).collect()
        };
        let images = Tensor::arange(4 * 16 * 16, (Kind::Float, Device::Cpu)).view([4, 1, 16, 16]).sin();
        let before = statistics();
        let logits = network.forward(&images, Mode::Train(Stream::new(1, Purpose::Network, 1, 0).into()));
        for ((layer, before), (_, after)) in before.iter().zip(statistics()) {
            assert_eq!(*before == after, ["bn1", "layer1"].contains(&layer.as_str()), "{layer}");
        }
        logits.sum(Kind::Float).backward();
        for parameter in network.parameters.all() {
            let is_trained = ["layer2", "layer3", "fc"].contains(&layer(&parameter.name).as_str());
            let is_buffer = parameter.name.contains("running");
            assert_eq!(parameter.tensor.grad().defined(), is_trained && !is_buffer, "{}", parameter.name);
        }
    }
}
