use std::fs;

use tch::{Device, Kind, Tensor};

use super::{Classifier, Graph, Model, OutputDifference, Script, Variant, to_onnx, to_torchscript};
use crate::{
    durable::Array,
    model::{Architecture, Description, ResNet, weights},
    recipe::{Recipe, Stem},
};

/// An untrained network whose norms have other parameters and statistics than after initialisation.
pub(super) fn classifier(recipe: &Recipe, channels: u32, size: u32) -> Classifier {
    let description = Description {
        classes: ["angry", "happy", "sad"].map(String::from).to_vec(),
        channels,
        size,
        mean: vec![0.5, 0.45, 0.4][..channels as usize].to_vec(),
        std: vec![0.25, 0.22, 0.3][..channels as usize].to_vec(),
        temperature: Some(1.7),
        epoch: 3,
        recipe: recipe.to_toml(),
    };
    let network = ResNet::new(&Architecture::new(recipe, channels, 3).unwrap(), 5, Device::Cpu);
    let arrays = network.parameters.all().iter().map(|parameter| {
        let tensor = parameter.tensor.detach();
        let wave = Tensor::arange(tensor.numel() as i64, (Kind::Float, Device::Cpu)).sin().view_as(&tensor) * 0.3;
        let tensor = if tensor.dim() == 1 { tensor + wave } else { tensor };
        weights::to_array(&parameter.name, &tensor).unwrap()
    });
    Classifier::new(description, &arrays.collect::<Vec<Array>>(), Device::Cpu).unwrap()
}

/// (recipe, channels, size) of networks with every kind of layer.
fn networks() -> Vec<(Recipe, u32, u32)> {
    let network =
        |model: &str, width, stem| Recipe { model: model.to_owned(), width: Some(width), stem, ..Recipe::default() };
    let all = |recipe| Recipe { resnet_d: true, blur_pool: true, se: 4, ..recipe };
    vec![
        (network("resnet20", 16, None), 1, 32),
        (network("resnet18", 16, Some(Stem::Imagenet)), 3, 48),
        (network("resnet50", 8, Some(Stem::Imagenet)), 1, 64),
        (network("resnet50", 8, Some(Stem::Small)), 3, 17),
        (Recipe { se: 2, ..network("resnet14", 16, None) }, 1, 16),
        (Recipe { blur_pool: true, ..network("resnet18", 8, Some(Stem::Imagenet)) }, 3, 49),
        (Recipe { resnet_d: true, ..network("resnet18", 8, Some(Stem::Imagenet)) }, 1, 49),
        (Recipe { whitening: true, ..network("resnet8", 8, None) }, 1, 16),
        (Recipe { whitening: true, ..all(network("resnet18", 8, Some(Stem::Imagenet))) }, 3, 33),
        (all(network("resnet14", 8, None)), 3, 17),
        (all(network("resnet50", 8, Some(Stem::Imagenet))), 3, 65),
    ]
}

#[test]
fn every_kind_of_network_is_read_back_with_its_logits() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("model.pt");
    for (recipe, channels, size) in networks() {
        let classifier = classifier(&recipe, channels, size);
        let onnx = to_onnx(&classifier, Variant::default()).unwrap();
        let graph = Graph::from_bytes(&onnx, Device::Cpu).unwrap();
        fs::write(&file, to_torchscript(&classifier, Variant::default()).unwrap()).unwrap();
        let script = Script::read(&file, Device::Cpu).unwrap();
        for model in [&graph as &dyn Model, &script] {
            let difference = OutputDifference::between(&classifier, model, channels, size).unwrap();
            assert!(difference.scale > 0.1 && difference.within(1e-5), "{recipe:?}: {difference:?}");
            assert_eq!(model.description(), Some(&classifier.description));
        }
    }
}

#[test]
fn half_precision_changes_logits_little() {
    for (recipe, channels, size) in networks().into_iter().filter(|(recipe, ..)| recipe.se > 0) {
        let classifier = classifier(&recipe, channels, size);
        let half = to_onnx(&classifier, Variant { half: true, calibrated: false }).unwrap();
        let graph = Graph::from_bytes(&half, Device::Cpu).unwrap();
        let difference = OutputDifference::between(&classifier, &graph, channels, size).unwrap();
        assert!(difference.within(2e-2) && difference.largest > 0.0, "{recipe:?}: {difference:?}");
    }
}
