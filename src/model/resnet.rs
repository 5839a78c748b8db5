//! The network itself: stem, stages, global mean, classifier.

use std::fmt;

use tch::{Device, Kind, Tensor};

use super::{
    architecture::Architecture,
    block::{Block, BlockDropout},
    blur_pool::blur_pool,
    drop::dropout,
    drop_path, freeze,
    layers::{Builder, ConvNorm, Linear, Mode},
    parameters::{Parameter, Parameters, Role},
    whitening::{self, is_whitening},
};
use crate::{recipe::Stem, torch};

/// A ResNet with weights.
#[derive(Debug)]
pub struct ResNet {
    /// Every named tensor, shared with the layers.
    pub parameters: Parameters,
    stem: Vec<ConvNorm>,
    max_pool: bool,
    /// Whether a blur of stride 2 follows after the max-pool, which then has stride 1.
    blur_pool: bool,
    stages: Vec<Vec<Block>>,
    /// How many parts are frozen, counted from the input; the stem and each stage are one part each.
    frozen: usize,
    /// Probability that a feature is dropped before the classifier.
    drop: f64,
    pub(super) fc: Linear,
}

impl ResNet {
    /// A newly initialised network on `device`; its weights are a function of the architecture and `seed`.
    pub fn new(architecture: &Architecture, seed: u64, device: Device) -> Self {
        let mut parameters = Parameters::new(device);
        let mut root = Builder { parameters: &mut parameters, path: String::new(), seed };
        let stem = architecture.stem_layers().iter().map(|conv| ConvNorm::new(&mut root, conv, 1.0)).collect();
        let count = architecture.stages.iter().sum();
        let mut depth = 0;
        let mut stages = Vec::new();
        for (stage, specs) in (1..).zip(architecture.blocks()) {
            let in_last_two = stage + 1 >= architecture.stages.len();
            let mut blocks = Vec::new();
            for spec in specs {
                let dropout = BlockDropout {
                    drop_path: drop_path::rate_at(depth, count, architecture.drop_path),
                    drop_block: if in_last_two { architecture.drop_block } else { 0.0 },
                };
                blocks.push(Block::new(&mut root.at(&spec.path), &spec, architecture.zero_init_last, dropout));
                depth += 1;
            }
            stages.push(blocks);
        }
        let fc = Linear::new(&mut root.at("fc"), architecture.features(), architecture.classes);
        let frozen = architecture.frozen;
        parameters.freeze(|name| freeze::part(name) < frozen || is_whitening(name));
        let max_pool = architecture.stem == Stem::Imagenet;
        let blur_pool = architecture.blur_pool;
        Self { parameters, stem, max_pool, blur_pool, stages, frozen, drop: architecture.drop, fc }
    }

    /// The number of classes.
    pub fn classes(&self) -> i64 {
        self.fc.weight.size()[0]
    }

    /// Computes the filters of the layer that whitens patches, if there is one, from normalised `images` `[n, channels, h, w]`.
    pub fn set_whitening(&self, images: &Tensor) {
        let _guard = tch::no_grad_guard();
        if let Some(weight) = self.parameters.all().iter().find(|parameter| is_whitening(&parameter.name)) {
            weight.tensor.shallow_clone().copy_(&whitening::filters(images));
        }
    }

    /// The running statistics that training updates: those of the layers that are not frozen.
    pub fn running_statistics(&self) -> impl Iterator<Item = &Parameter> {
        let all = self.parameters.all().iter();
        all.filter(|parameter| parameter.role == Role::Buffer && freeze::part(&parameter.name) >= self.frozen)
    }

    /// Normalised float images `[n, channels, h, w]` to logits `[n, classes]`.
    pub fn forward(&self, images: &Tensor, mode: Mode) -> Tensor {
        self.forward_watched(images, mode, &mut |_, _| ())
    }

    /// Normalised float images `[n, channels, h, w]` to what the classifier sees of them, `[n, features]`, in eval mode.
    pub fn features(&self, images: &Tensor) -> Tensor {
        let maps = self.feature_maps(images, &mut Mode::Eval, &mut |_, _| ());
        maps.mean_dim([2i64, 3].as_slice(), false, Kind::Float)
    }

    /// [`Self::forward`] that calls `watch` with the name and the output of the stem, of every block and of the
    /// classifier, in order.
    pub(crate) fn forward_watched(
        &self,
        images: &Tensor,
        mut mode: Mode,
        watch: &mut impl FnMut(fmt::Arguments, &Tensor),
    ) -> Tensor {
        let maps = self.feature_maps(images, &mut mode, watch);
        let logits = self.classify(&maps, &mut mode);
        watch(format_args!("fc"), &logits);
        logits
    }

    /// Normalised float images `[n, channels, h, w]` to the feature maps of the last stage `[n, features, h', w']`,
    /// which are at least 0.
    pub(super) fn feature_maps(
        &self,
        images: &Tensor,
        mode: &mut Mode,
        watch: &mut impl FnMut(fmt::Arguments, &Tensor),
    ) -> Tensor {
        let mut x = torch::preferred_layout(images);
        let stem_mode = if self.frozen > 0 { &Mode::Eval } else { &*mode };
        for layer in &self.stem {
            x = layer.forward_relu(&x, stem_mode);
        }
        watch(format_args!("the stem"), &x);
        if self.max_pool {
            let stride = if self.blur_pool { 1 } else { 2 };
            x = x.max_pool2d([3, 3], [stride; 2], [1, 1], [1, 1], false);
            if self.blur_pool {
                x = blur_pool(&x);
            }
        }
        for (part, blocks) in (1..).zip(&self.stages) {
            let mut frozen = Mode::Eval;
            let mode = if part < self.frozen { &mut frozen } else { &mut *mode };
            for (number, block) in blocks.iter().enumerate() {
                x = block.forward(&x, mode);
                watch(format_args!("layer{part}.{number}"), &x);
            }
        }
        x
    }

    /// The feature maps of the last stage to logits `[n, classes]`.
    pub(super) fn classify(&self, maps: &Tensor, mode: &mut Mode) -> Tensor {
        let mut features = maps.mean_dim([2i64, 3].as_slice(), false, Kind::Float);
        if self.drop > 0.0
            && let Some(draws) = mode.draws()
        {
            let kept = draws.keep_mask(&features.size(), self.drop, features.device());
            features = dropout(&features, &kept, self.drop);
        }
        self.fc.forward(&features)
    }
}
