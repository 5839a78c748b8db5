//! Times the pieces of a training step and of a start: `cargo bench --bench pieces [FILTER]`.
//!
//! Where mindgap replaces an operator of libtorch, both are timed. Figures are comparable only within one run, on a machine
//! that does nothing else.

use std::{fs, path::Path};

use divan::{Bencher, counter::ItemsCount};
use image::{ImageFormat, RgbImage};
use mindgap::{
    augment::{Augment, ImageSize, Map, Normalize, resample},
    data::{self, Audit, NoProgress, Options},
    model::{Architecture, Mode, ResNet},
    recipe::{Border, Recipe},
    torch::{self, BatchStatistics, channels_last, conv2d, norm_relu},
    train::{loss::cross_entropy, optim::Optimizer},
};
use tch::{Device, Kind, Tensor};
use tempfile::TempDir;

const BATCH: i64 = 128;

fn main() {
    torch::restart_with_sleeping_threads();
    torch::keep_pages();
    torch::set_threads(None);
    divan::main();
}

/// Pseudorandom numbers in [-1, 1).
fn noise(shape: &[i64]) -> Tensor {
    let indices = Tensor::arange(shape.iter().product::<i64>(), (Kind::Double, Device::Cpu));
    let images = ((indices * 12.9898).sin() * 43_758.5).frac().view(shape).to_kind(Kind::Float);
    if shape.len() == 4 { channels_last(&images).expect("four dimensions") } else { images }
}

fn bytes(shape: &[i64]) -> Tensor {
    ((noise(shape) + 1.0) * 127.0).to_kind(Kind::Uint8).contiguous()
}

/// Channels and side of the feature maps of ResNet-20 on 48×48, width 16.
const STAGES: [(i64, i64); 3] = [(16, 48), (32, 24), (64, 12)];

/// The weight gradient of a 3×3 convolution, including the product with the incoming gradient. With AVX-512 mindgap calls
/// libtorch's.
mod weight_gradient {
    use super::*;

    fn bench(bencher: Bencher, (channels, side): (i64, i64), conv: impl Fn(&Tensor, &Tensor) -> Tensor) {
        let x = noise(&[BATCH, channels, side, side]);
        let weight = noise(&[channels, channels, 3, 3]).set_requires_grad(true);
        let y = conv(&x, &weight);
        let loss = (&y * noise(&y.size())).sum(Kind::Float);
        bencher.bench_local(|| Tensor::run_backward(&[&loss], &[&weight], true, false));
    }

    #[divan::bench(args = STAGES)]
    fn ours(bencher: Bencher, stage: (i64, i64)) {
        bench(bencher, stage, |x, weight| conv2d(x, weight, 1, 1));
    }

    #[divan::bench(args = STAGES)]
    fn libtorch(bencher: Bencher, stage: (i64, i64)) {
        bench(bencher, stage, |x, weight| x.conv2d(weight, None::<&Tensor>, [1; 2], [1; 2], [1; 2], 1));
    }
}

/// Batch norm, skip connection and ReLU, forward and backward.
mod norm_skip_relu {
    use super::*;

    fn bench(bencher: Bencher, (channels, side): (i64, i64), layer: impl Fn(&Tensor, &Tensor, [&Tensor; 2]) -> Tensor) {
        let shape = [BATCH, channels, side, side];
        let leaf = |shape: &[i64]| noise(shape).set_requires_grad(true);
        let (x, skip, weight, bias) = (leaf(&shape), leaf(&shape), leaf(&[channels]), leaf(&[channels]));
        let upstream = noise(&shape);
        bencher.bench_local(|| {
            let loss = (layer(&x, &skip, [&weight, &bias]) * &upstream).sum(Kind::Float);
            Tensor::run_backward(&[&loss], &[&x, &skip, &weight, &bias], false, false)
        });
    }

    #[divan::bench(args = STAGES)]
    fn ours(bencher: Bencher, stage: (i64, i64)) {
        bench(bencher, stage, |x, skip, [weight, bias]| {
            let norm = BatchStatistics { weight, bias, running: None, momentum: 0.1, epsilon: 1e-5 };
            norm_relu(x, Some(skip), norm, true)
        });
    }

    #[divan::bench(args = STAGES)]
    fn libtorch(bencher: Bencher, stage: (i64, i64)) {
        bench(bencher, stage, |x, skip, [weight, bias]| {
            let none = None::<&Tensor>;
            (x.batch_norm(Some(weight), Some(bias), none, none, true, 0.1, 1e-5, false) + skip).relu_()
        });
    }
}

/// Channels and side of the images to augment.
const IMAGES: [(i64, i64); 2] = [(1, 48), (3, 224)];

mod augmentation {
    use super::*;

    fn bench(bencher: Bencher, (channels, side): (i64, i64), recipe: Recipe) {
        let images = bytes(&[BATCH, channels, side, side]);
        let normalize = Normalize::new(&vec![0.5; channels as usize], &vec![0.25; channels as usize], Device::Cpu);
        let augment = Augment::new(&recipe, &normalize);
        let ids: Vec<u32> = (0..BATCH as u32).collect();
        bencher.counter(ItemsCount::new(ids.len())).bench_local(|| augment.forward(&images, 1, &ids));
    }

    #[divan::bench(args = IMAGES)]
    fn crops(bencher: Bencher, images: (i64, i64)) {
        bench(bencher, images, Recipe { hflip: 0.5, scale: [0.08, 1.0], ..Recipe::default() });
    }

    #[divan::bench(args = IMAGES)]
    fn rotation(bencher: Bencher, images: (i64, i64)) {
        bench(bencher, images, Recipe { hflip: 0.5, rotate: 10.0, zoom: [0.9, 1.1], ..Recipe::default() });
    }

    #[divan::bench(args = IMAGES)]
    fn colours(bencher: Bencher, images: (i64, i64)) {
        bench(bencher, images, Recipe { color_jitter: vec![0.2; 3], ..Recipe::default() });
    }

    /// Resamples with libtorch's `grid_sample`.
    #[divan::bench(args = IMAGES)]
    fn crops_by_libtorch(bencher: Bencher, (channels, side): (i64, i64)) {
        let images = bytes(&[BATCH, channels, side, side]);
        let normalize = Normalize::new(&vec![0.5; channels as usize], &vec![0.25; channels as usize], Device::Cpu);
        let map = Map { flip: true, ..Map::identity(ImageSize { height: side, width: side }) };
        let maps = vec![map; BATCH as usize];
        bencher
            .counter(ItemsCount::new(maps.len()))
            .bench_local(|| normalize.forward(&resample(&images.to_kind(Kind::Float), &maps, Border::Reflect)));
    }
}

#[divan::bench(args = [0.0, 0.1])]
fn loss(bencher: Bencher, smoothing: f64) {
    let logits = noise(&[BATCH, 7]).set_requires_grad(true);
    let targets = Tensor::arange(BATCH, (Kind::Int64, Device::Cpu)).remainder(7);
    bencher.bench_local(|| {
        Tensor::run_backward(&[&cross_entropy(&logits, &targets, None, smoothing)], &[&logits], false, false)
    });
}

#[divan::bench(args = ["sgd", "adamw"])]
fn optimiser_step(bencher: Bencher, name: &str) {
    let recipe = Recipe {
        opt: serde_json::from_value(name.into()).expect("an optimiser"),
        weight_decay: 5e-4,
        nesterov: true,
        ..Recipe::default()
    };
    let model = network(&recipe);
    let gradients: Vec<Tensor> = model.parameters.trained().map(|parameter| parameter.tensor.ones_like()).collect();
    let mut optimiser = Optimizer::new(&recipe, &model.parameters);
    bencher.bench_local(|| optimiser.step(&gradients, 1e-6, None));
}

#[divan::bench]
fn evaluation(bencher: Bencher) {
    let model = network(&Recipe::default());
    let images = noise(&[BATCH, 1, 48, 48]);
    let _guard = tch::no_grad_guard();
    bencher.counter(ItemsCount::new(BATCH as usize)).bench_local(|| model.forward(&images, Mode::Eval));
}

fn network(recipe: &Recipe) -> ResNet {
    ResNet::new(&Architecture::new(recipe, 1, 7).expect("an architecture"), 0, Device::Cpu)
}

mod files {
    use super::*;

    const FILES: u32 = 256;

    /// An image folder of [`FILES`] JPEGs of 64×64.
    fn folder() -> TempDir {
        let folder = TempDir::new().expect("a folder");
        for number in 0..FILES {
            let pixel =
                |x: u32, y: u32| image::Rgb([(x * 3 + number) as u8, (y * 2) as u8, (x * y + number * 7) as u8]);
            let split = if number % 8 == 0 { "val" } else { "train" };
            let class = folder.path().join(split).join(["a", "b"][number as usize / 8 % 2]);
            fs::create_dir_all(&class).expect("a class");
            let image = RgbImage::from_fn(64, 64, pixel);
            image.save_with_format(class.join(format!("{number}.jpg")), ImageFormat::Jpeg).expect("a file");
        }
        folder
    }

    fn bench<T>(bencher: Bencher, work: impl Fn(&str) -> T) {
        let folder = folder();
        let path = Path::to_string_lossy(folder.path());
        bencher.counter(ItemsCount::new(FILES)).bench_local(|| work(&path));
    }

    #[divan::bench]
    fn decode(bencher: Bencher) {
        bench(bencher, |path| data::open(path, &Options::default(), &NoProgress).expect("a data set"));
    }

    #[divan::bench]
    fn audit(bencher: Bencher) {
        bench(bencher, |path| Audit::of(path, &Options::default(), None, 10, &NoProgress).expect("an audit"));
    }
}
