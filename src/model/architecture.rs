//! The architecture of a network without its weights: family, depth, width, stem and the options of its blocks;
//! for `--model NAME`, `--width N` and preset `wider`.
//!
//! | | |
//! |---|---|
//! | What | A deeper or wider network has more parameters and computes more for each image. |
//! | When it helps | Where the probe's loss stays high: the network cannot fit its training images. Where it fits them already, a larger one fits them sooner, and only regularisation helps it to do better on val. |
//! | Costs | Twice the width takes four times the parameters and multiply-adds, twice the depth twice as many. |
//! | Usual values | 16 to 64 channels for CIFAR's networks, 64 for ImageNet's. |
//! | Reference | He et al. 2016, "Deep residual learning for image recognition"; Zagoruyko and Komodakis 2016, "Wide residual networks". |

use anyhow::{Result, bail};

use super::{
    resnet_d::deep_stem,
    spec::{BlockKind, BlockSpec, ConvSpec, ShortcutSpec},
    squeeze_excitation::inner_channels,
    whitening,
};
use crate::recipe::{Recipe, Stem, family};

/// The architecture of a ResNet, and what is dropped from it in training.
#[derive(Clone, Debug, PartialEq)]
pub struct Architecture {
    /// The kind of the residual blocks.
    pub block: BlockKind,
    /// The number of blocks in each stage; each stage after the first halves the size and doubles the width.
    pub stages: Vec<usize>,
    /// The inner width of the first stage's blocks \[channels\].
    pub width: i64,
    /// The first layers.
    pub stem: Stem,
    /// The stride of a small stem.
    pub stem_stride: i64,
    /// Whether shortcuts and the ImageNet stem are those of ResNet-D.
    pub resnet_d: bool,
    /// Whether blocks and max-pool down-sample by a blur.
    pub blur_pool: bool,
    /// What squeeze-and-excitation divides a block's channels by; `None` where there is none.
    pub se: Option<i64>,
    /// Whether a layer that whitens patches comes first.
    pub whitening: bool,
    /// Colour channels of the images: 1 or 3.
    pub channels: i64,
    /// The number of classes.
    pub classes: i64,
    /// Whether each block is initialised as the identity (Goyal et al. 2017).
    pub zero_init_last: bool,
    /// Probability that a feature is dropped before the classifier.
    pub drop: f64,
    /// Probability that the main path of the last block is left out.
    pub drop_path: f64,
    /// Share of the feature maps that is dropped in squares, in the last two stages.
    pub drop_block: f64,
    /// How many parts are frozen, counted from the input; the stem and each stage are one part each.
    pub frozen: usize,
}

impl Architecture {
    /// The architecture of the network that a recipe names, for images of `channels` channels and `classes` classes.
    ///
    /// The CIFAR family (`resnet8` … `resnet110`) is He et al. 2016, section 4.2: three stages of (depth − 2) / 6 basic
    /// blocks, here with 1×1 convolutions where a shortcut changes shape. The ImageNet family is torchvision's.
    ///
    /// # Errors
    /// There is no network of this name.
    pub fn new(recipe: &Recipe, channels: u32, classes: usize) -> Result<Self> {
        let (block, stages) = match recipe.model.as_str() {
            "resnet8" => (BlockKind::Basic, vec![1; 3]),
            "resnet14" => (BlockKind::Basic, vec![2; 3]),
            "resnet20" => (BlockKind::Basic, vec![3; 3]),
            "resnet32" => (BlockKind::Basic, vec![5; 3]),
            "resnet44" => (BlockKind::Basic, vec![7; 3]),
            "resnet56" => (BlockKind::Basic, vec![9; 3]),
            "resnet110" => (BlockKind::Basic, vec![18; 3]),
            "resnet18" => (BlockKind::Basic, vec![2, 2, 2, 2]),
            "resnet34" => (BlockKind::Basic, vec![3, 4, 6, 3]),
            "resnet50" => (BlockKind::Bottleneck, vec![3, 4, 6, 3]),
            "resnet101" => (BlockKind::Bottleneck, vec![3, 4, 23, 3]),
            other => bail!("model: there is no `{other}`"),
        };
        let family = family(&recipe.model)?;
        Ok(Self {
            block,
            frozen: recipe.freeze_until.parts_before(stages.len()),
            stages,
            width: i64::from(recipe.width.unwrap_or(family.default_width())),
            stem: recipe.stem.or(family.default_stem()).unwrap_or(Stem::Small),
            stem_stride: i64::from(recipe.stem_stride),
            resnet_d: recipe.resnet_d,
            blur_pool: recipe.blur_pool,
            whitening: recipe.whitening,
            se: (recipe.se > 0).then_some(i64::from(recipe.se)),
            channels: i64::from(channels),
            classes: classes as i64,
            zero_init_last: recipe.zero_init_last,
            drop: recipe.drop,
            drop_path: recipe.drop_path,
            drop_block: recipe.drop_block,
        })
    }

    /// The convolutions before the first stage, without the max-pool of the ImageNet stem.
    pub fn stem_layers(&self) -> Vec<ConvSpec> {
        let mut layers = Vec::new();
        let mut inputs = self.channels;
        if self.whitening {
            let first = whitening::layer(inputs);
            inputs = first.outputs;
            layers.push(first);
        }
        let single = |kernel, stride| vec![ConvSpec::new("conv1", "bn1", (inputs, self.width, kernel, stride))];
        layers.extend(match self.stem {
            Stem::Imagenet if self.resnet_d => deep_stem(inputs, self.width),
            Stem::Imagenet => single(7, 2),
            Stem::Small => single(3, self.stem_stride),
        });
        layers
    }

    /// The residual blocks, stage by stage.
    pub fn blocks(&self) -> Vec<Vec<BlockSpec>> {
        let mut stages = Vec::new();
        let mut inputs = self.width;
        for (stage, &count) in self.stages.iter().enumerate() {
            let width = self.width << stage;
            let mut blocks = Vec::new();
            for number in 0..count {
                let stride = if stage > 0 && number == 0 { 2 } else { 1 };
                let path = format!("layer{}.{number}", stage + 1);
                blocks.push(self.block(path, inputs, width, stride));
                inputs = self.block.outputs(width);
            }
            stages.push(blocks);
        }
        stages
    }

    fn block(&self, path: String, inputs: i64, width: i64, stride: i64) -> BlockSpec {
        let mut main = self.block.convolutions(inputs, width, stride);
        if self.blur_pool {
            main = main.into_iter().map(ConvSpec::blurred).collect();
        }
        let outputs = self.block.outputs(width);
        let shortcut = (stride != 1 || inputs != outputs).then(|| {
            if self.resnet_d {
                let conv = ConvSpec::new("downsample.1", "downsample.2", (inputs, outputs, 1, 1));
                return ShortcutSpec { pool: stride != 1, conv };
            }
            let conv = ConvSpec::new("downsample.0", "downsample.1", (inputs, outputs, 1, stride));
            ShortcutSpec { pool: false, conv }
        });
        BlockSpec { path, main, squeezed: self.se.map(|reduction| inner_channels(outputs, reduction)), shortcut }
    }

    /// The number of channels that reach the classifier.
    pub fn features(&self) -> i64 {
        self.block.outputs(self.width << (self.stages.len() - 1))
    }
}
