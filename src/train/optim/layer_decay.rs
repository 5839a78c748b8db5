//! A lower rate for the layers near the images, for `--layer-decay D`.
//!
//! | | |
//! |---|---|
//! | What | From the classifier on, which has the whole learning rate, every block before has D times the rate of the one after it; the stem comes last. In resnet18 it has D⁹. Weight decay acts through the rate and shrinks with it. |
//! | When it helps | With `--pretrained`: edges and textures are the same in all images and need to move little, the last blocks much. |
//! | Costs | Nothing. In deep networks the first blocks hardly move: 0.75 leaves them 0.8 % of the rate in resnet50. |
//! | Usual values | 0.65 to 0.9; 1 for one rate everywhere. |
//! | Reference | Howard and Ruder 2018, "Universal language model fine-tuning" (discriminative rates); timm's `param_groups_layer_decay`, whose groups these are. |

/// Returns the factor of the learning rate for each of a network's tensors, by name. `names` are all of them, in the order
/// from the images to the classifier.
pub fn rate_factors(names: &[&str], decay: f64) -> impl Fn(&str) -> f64 {
    let mut groups: Vec<String> = names.iter().map(|name| group(name)).collect();
    groups.dedup();
    move |name| {
        let group = group(name);
        let depth = groups.iter().rev().position(|other| *other == group).unwrap_or(0);
        decay.powi(depth as i32)
    }
}

/// The group of a tensor: `stem`, a block such as `layer2.1`, or `fc`.
fn group(name: &str) -> String {
    let mut words = name.split('.');
    match (words.next(), words.next()) {
        (Some("whiten" | "whiten_bn" | "conv1" | "bn1"), _) => "stem".to_owned(),
        (Some("fc"), _) => "fc".to_owned(),
        (stage, block) => format!("{}.{}", stage.unwrap_or_default(), block.unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;
    use crate::{
        model::{Architecture, ResNet},
        recipe::Recipe,
    };

    #[test]
    fn the_factors_are_timms() {
        // The exponents of `lr_scale` in timm.optim.param_groups_layer_decay(timm.create_model("resnet18")), timm 1.0.31.
        let timm = [
            ("conv1.weight", 9),
            ("bn1.bias", 9),
            ("layer1.0.conv1.weight", 8),
            ("layer1.1.bn2.weight", 7),
            ("layer2.0.downsample.0.weight", 6),
            ("layer3.1.conv2.weight", 3),
            ("layer4.0.conv1.weight", 2),
            ("layer4.1.bn2.bias", 1),
            ("fc.weight", 0),
            ("fc.bias", 0),
        ];
        let ours = [
            ("whiten_bn.bias", 9),
            ("conv1.0.weight", 9),
            ("conv1.4.bias", 9),
            ("bn1.bias", 9),
            ("layer3.1.se.fc1.bias", 3),
        ];
        let plain = Recipe { model: "resnet18".into(), width: Some(1), ..Recipe::default() };
        let options = Recipe { resnet_d: true, se: 16, whitening: true, ..plain.clone() };
        for (recipe, expected) in [(plain, &timm[..]), (options, &ours[..])] {
            let network = ResNet::new(&Architecture::new(&recipe, 3, 10).unwrap(), 0, Device::Cpu);
            let names: Vec<&str> = network.parameters.all().iter().map(|parameter| parameter.name.as_str()).collect();
            let factor = rate_factors(&names, 0.5);
            for (name, depth) in expected {
                assert_eq!(factor(name), 0.5f64.powi(*depth), "{name}");
            }
            assert!(names.iter().all(|name| rate_factors(&names, 1.0)(name) == 1.0));
        }
    }
}
