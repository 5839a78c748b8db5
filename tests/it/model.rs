//! The networks are torchvision's and timm's: same names, same counts, same logits from the same weights.

use std::{f64::consts::TAU, fs};

use mindgap::{
    durable::Array,
    model::{Architecture, Mode, ResNet, pretrained, weights},
    random::{Purpose, Stream},
    recipe::Recipe,
};
use safetensors::{Dtype, tensor::TensorView};
use serde::Deserialize;
use tch::{Device, Kind, Tensor};

/// One network of scripts/golden/models.py.
#[derive(Deserialize)]
struct Case {
    model: String,
    channels: u32,
    size: u32,
    classes: usize,
    recipe: Overrides,
    parameters: u64,
    names: Vec<String>,
    eval: Vec<f32>,
    /// In evaluation, on grey images repeated three times; of torchvision's and timm's networks.
    grey: Option<Vec<f32>>,
    /// Absent where the batch statistics are ill-conditioned.
    train: Option<Vec<f32>>,
}

#[derive(Deserialize)]
#[serde(default)]
struct Overrides {
    width: Option<u32>,
    stem_stride: u32,
    resnet_d: bool,
    blur_pool: bool,
    se: u32,
}

impl Default for Overrides {
    fn default() -> Self {
        Self { width: None, stem_stride: 1, resnet_d: false, blur_pool: false, se: 0 }
    }
}

impl Case {
    fn recipe(&self) -> Recipe {
        let Overrides { width, stem_stride, resnet_d, blur_pool, se } = self.recipe;
        Recipe { model: self.model.clone(), width, stem_stride, resnet_d, blur_pool, se, ..Default::default() }
    }

    fn architecture(&self) -> Architecture {
        Architecture::new(&self.recipe(), self.channels, self.classes).unwrap()
    }
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("../golden/models.json")).unwrap()
}

/// `wave` of the script: sin(0.7 t + 0.618… i mod 2π).
fn wave(tensor: usize, count: usize) -> Vec<f64> {
    (0..count).map(|i| ((0.7 * tensor as f64 + 0.61803398875 * i as f64) % TAU).sin()).collect()
}

/// `fill` of the script.
fn fill(model: &ResNet) {
    let _guard = tch::no_grad_guard();
    for (number, parameter) in model.parameters.all().iter().enumerate() {
        let shape = parameter.tensor.size();
        let formula = |value: f64| match shape.as_slice() {
            [_, inputs, height, width] => value * (2.0 / (inputs * height * width) as f64).sqrt(),
            [_, inputs] => value / (*inputs as f64).sqrt(),
            _ if parameter.name.ends_with("running_var") => 2.0 + value,
            _ if parameter.name.ends_with("weight") => 0.7 + 0.3 * value,
            _ => 0.1 * value,
        };
        let values: Vec<f32> = wave(number, parameter.tensor.numel()).into_iter().map(|v| formula(v) as f32).collect();
        parameter.tensor.shallow_clone().copy_(&Tensor::from_slice(&values).view(shape.as_slice()));
    }
}

#[test]
fn logits_equal_torchvisions_and_timms_with_the_same_weights() {
    for case in cases() {
        let model = ResNet::new(&case.architecture(), 0, Device::Cpu);
        fill(&model);
        let side = i64::from(case.size);
        let shape = [3, i64::from(case.channels), side, side];
        let images =
            Tensor::from_slice(&wave(1000, shape.iter().product::<i64>() as usize)).to_kind(Kind::Float).view(shape);
        let _guard = tch::no_grad_guard();
        for (mode, expected) in [
            (Mode::Eval, Some(&case.eval)),
            (Mode::Train(Stream::new(0, Purpose::Network, 1, 0).into()), case.train.as_ref()),
        ] {
            let Some(expected) = expected else { continue };
            let logits = model.forward(&images, mode.clone());
            let expected = Tensor::from_slice(expected).view([3, case.classes as i64]);
            // float32 has seven digits: beyond 1 the largest logit is the measure.
            let largest = expected.abs().max().double_value(&[]).max(1.0);
            let difference = (logits - expected).abs().max().double_value(&[]);
            assert!(difference <= 1e-5 * largest, "{} {mode:?}: logits differ by {difference:e}", case.model);
        }
    }
}

#[test]
fn a_state_dict_of_torchvisions_gives_its_logits_on_rgb_and_on_grey_images() {
    for case in cases() {
        let Some(grey) = &case.grey else { continue };
        let theirs = ResNet::new(&case.architecture(), 0, Device::Cpu);
        fill(&theirs);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state_dict.safetensors");
        fs::write(&path, state_dict(&theirs)).unwrap();
        let classes: Vec<String> = (0..case.classes).map(|class| class.to_string()).collect();
        let side = i64::from(case.size);
        for (channels, expected) in [(3, &case.eval), (1, grey)] {
            let ours = Architecture::new(&case.recipe(), channels, case.classes).unwrap();
            let ours = ResNet::new(&ours, 1, Device::Cpu);
            let plain = (vec![0.0; channels as usize], vec![1.0; channels as usize]);
            let images = pretrained::Images { classes: &classes, mean: &plain.0, std: &plain.1 };
            pretrained::load(&ours, &case.recipe(), &path, &images).unwrap();
            let shape = [3, i64::from(channels), side, side];
            let images = wave(1000, shape.iter().product::<i64>() as usize);
            let images = Tensor::from_slice(&images).to_kind(Kind::Float).view(shape);
            let _guard = tch::no_grad_guard();
            let expected = Tensor::from_slice(expected).view([3, case.classes as i64]);
            // float32 has seven digits: beyond 1 the largest logit is the measure.
            let largest = expected.abs().max().double_value(&[]).max(1.0);
            let difference = (ours.forward(&images, Mode::Eval) - expected).abs().max().double_value(&[]);
            assert!(difference <= 1e-5 * largest, "{} {channels}: logits differ by {difference:e}", case.model);
        }
    }
}

/// What Python's `safetensors.torch.save_file(model.state_dict(), …)` writes, for images that are not normalised.
fn state_dict(model: &ResNet) -> Vec<u8> {
    let all = model.parameters.all().iter();
    let mut arrays: Vec<Array> =
        all.map(|parameter| weights::to_array(parameter.name.clone(), &parameter.tensor).unwrap()).collect();
    for index in 0..arrays.len() {
        if let Some(norm) = arrays[index].name.strip_suffix("running_var") {
            let name = format!("{norm}num_batches_tracked");
            arrays.push(Array { name, dtype: Dtype::I64, shape: Vec::new(), bytes: vec![0; 8] });
        }
    }
    let views = arrays
        .iter()
        .map(|array| (array.name.as_str(), TensorView::new(array.dtype, array.shape.clone(), &array.bytes).unwrap()));
    let metadata = [("mean", "[0.0, 0.0, 0.0]"), ("std", "[1.0, 1.0, 1.0]")];
    let metadata = metadata.map(|(key, value)| (key.to_owned(), value.to_owned()));
    safetensors::serialize(views, Some(metadata.into())).unwrap()
}

#[test]
fn names_and_their_order_are_those_of_the_state_dict() {
    for case in cases() {
        let model = ResNet::new(&case.architecture(), 0, Device::Cpu);
        let names: Vec<_> = model.parameters.all().iter().map(|parameter| parameter.name.clone()).collect();
        assert_eq!(names, case.names, "{}", case.model);
    }
}

#[test]
fn the_counted_parameters_are_those_that_the_network_has() {
    for case in cases() {
        let architecture = case.architecture();
        assert_eq!(architecture.cost(case.size).parameters, case.parameters, "{}", case.model);
        assert_eq!(ResNet::new(&architecture, 0, Device::Cpu).parameters.count(), case.parameters, "{}", case.model);
    }
}

#[test]
fn multiply_adds_agree_with_published_counts() {
    let cost = |recipe: Recipe, channels, classes, size| {
        Architecture::new(&recipe, channels, classes).unwrap().cost(size).multiply_adds
    };
    let of = |model: &str| Recipe { model: model.to_owned(), ..Default::default() };
    let count = |model: &str, channels, classes, size| cost(of(model), channels, classes, size);
    // torchvision's model pages give 1.81, 3.66, 4.09 and 7.80 GFLOPS (multiply-adds) at 224 × 224 and 1,000 classes.
    assert_eq!(count("resnet18", 3, 1000, 224), 1_814_073_344);
    assert_eq!(count("resnet34", 3, 1000, 224), 3_663_761_408);
    assert_eq!(count("resnet50", 3, 1000, 224), 4_089_184_256);
    assert_eq!(count("resnet101", 3, 1000, 224), 7_801_405_440);
    // Counted by hand, layer by layer.
    assert_eq!(count("resnet20", 1, 7, 48), 91_165_120);
    // Two linear layers in each block: 64 to 8, 128 to 8, 256 to 16 and 512 to 32 channels and back.
    let squeezed = Recipe { se: 16, ..of("resnet18") };
    let gates = 2 * (2 * 64 * 8 + 2 * 128 * 8 + 2 * 256 * 16 + 2 * 512 * 32);
    assert_eq!(cost(squeezed, 3, 1000, 224), 1_814_073_344 + gates);
    // The first convolutions of the last three stages compute four times the pixels.
    let blurred = Recipe { blur_pool: true, ..of("resnet18") };
    assert_eq!(cost(blurred, 3, 1000, 224), 1_814_073_344 + 3 * 9 * 64 * 128 * (56 * 56 - 28 * 28));
    // Three convolutions of 3×3 for one of 7×7.
    let deep = Recipe { resnet_d: true, ..of("resnet18") };
    let stem = 9 * (3 * 32 + 32 * 32 + 32 * 64) - 49 * 3 * 64;
    assert_eq!(cost(deep, 3, 1000, 224), 1_814_073_344 + 112 * 112 * stem);
}

#[test]
fn initial_weights_are_a_function_of_the_seed() {
    let architecture = Architecture::new(&Recipe::default(), 1, 7).unwrap();
    let weights = |seed| -> Vec<Tensor> {
        let model = ResNet::new(&architecture, seed, Device::Cpu);
        model.parameters.all().iter().map(|parameter| parameter.tensor.detach()).collect()
    };
    let (first, again, other) = (weights(3), weights(3), weights(4));
    assert!(first.iter().zip(&again).all(|(a, b)| a.equal(b)));
    assert!(!first[0].equal(&other[0]));
}

#[test]
fn initial_weights_have_torchvisions_distribution() {
    let recipe = Recipe { model: "resnet18".to_owned(), zero_init_last: true, ..Default::default() };
    let model = ResNet::new(&Architecture::new(&recipe, 3, 1000).unwrap(), 0, Device::Cpu);
    let find = |name: &str| {
        model.parameters.all().iter().find(|parameter| parameter.name == name).unwrap().tensor.to_kind(Kind::Double)
    };
    // Normal with variance 2 / (512 · 9): 2.4 million draws.
    let conv = find("layer4.1.conv2.weight");
    let variance = (&conv * &conv).mean(Kind::Double).double_value(&[]) * (512.0 * 9.0) / 2.0;
    assert!((variance - 1.0).abs() < 0.005, "{variance}");
    // Uniform in ±1/√512: the mean square is a third of the square of the bound.
    let fc = find("fc.weight");
    let square = (&fc * &fc).mean(Kind::Double).double_value(&[]) * 512.0 * 3.0;
    assert!((square - 1.0).abs() < 0.01, "{square}");
    assert!(fc.abs().max().double_value(&[]) <= 1.0 / 512f64.sqrt());
    assert_eq!(find("layer4.1.bn2.weight").abs().max().double_value(&[]), 0.0);
    assert_eq!(find("layer4.1.bn1.weight").min().double_value(&[]), 1.0);
}

#[test]
fn a_recipe_without_options_is_the_plain_network() {
    let recipe = Recipe { model: "resnet18".to_owned(), ..Default::default() };
    let plain = Architecture::new(&recipe, 3, 10).unwrap();
    assert_eq!((plain.resnet_d, plain.blur_pool, plain.se), (false, false, None));
    assert!(plain.blocks().concat().iter().all(|block| block.squeezed.is_none()));
    let options = Recipe { resnet_d: true, blur_pool: true, se: 16, zero_init_last: true, ..recipe };
    let network = ResNet::new(&Architecture::new(&options, 3, 10).unwrap(), 0, Device::Cpu);
    // A block whose last norm begins at zero is the identity, or its shortcut, whatever the gates are.
    let last = network.parameters.all().iter().find(|parameter| parameter.name == "layer1.0.bn2.weight").unwrap();
    assert_eq!(last.tensor.abs().max().double_value(&[]), 0.0);
    let gate = network.parameters.all().iter().find(|parameter| parameter.name == "layer4.1.se.fc2.weight").unwrap();
    assert_eq!(gate.tensor.size(), [512, 32, 1, 1]);
}

/// A network that drops features, paths and blocks, and images for it.
fn noisy() -> (ResNet, Tensor) {
    let recipe = Recipe {
        model: "resnet14".into(),
        width: Some(4),
        drop: 0.3,
        drop_path: 0.3,
        drop_block: 0.2,
        resnet_d: true,
        blur_pool: true,
        se: 4,
        ..Default::default()
    };
    let model = ResNet::new(&Architecture::new(&recipe, 1, 3).unwrap(), 0, Device::Cpu);
    let images = Tensor::arange(8 * 24 * 24, (Kind::Float, Device::Cpu)).view([8, 1, 24, 24]);
    (model, (images * 0.37).sin())
}

fn running_statistics(model: &ResNet) -> Vec<Tensor> {
    let all = model.parameters.all().iter().filter(|parameter| parameter.name.contains("running"));
    all.map(|parameter| parameter.tensor.copy()).collect()
}

#[test]
fn a_repeated_pass_has_the_same_masks_and_leaves_the_statistics_alone() {
    let (model, images) = noisy();
    let draws = Stream::new(7, Purpose::Network, 2, 5);
    let before = running_statistics(&model);
    let first = model.forward(&images, Mode::Train(draws.clone().into()));
    let moved = running_statistics(&model);
    assert!(before.iter().zip(&moved).all(|(before, moved)| before != moved));
    assert_eq!(model.forward(&images, Mode::Repeat(draws.into())), first);
    assert_eq!(running_statistics(&model), moved);
}

#[test]
fn masks_differ_from_step_to_step_and_evaluation_has_none() {
    let (model, images) = noisy();
    let train = |step| model.forward(&images, Mode::Repeat(Stream::new(7, Purpose::Network, 2, step).into()));
    assert_ne!(train(5), train(6));
    assert_eq!(model.forward(&images, Mode::Eval), model.forward(&images, Mode::Eval));
}
