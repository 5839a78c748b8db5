//! The residual block in its two forms (He et al. 2016): two 3×3 convolutions, or a bottleneck of 1×1, 3×3, 1×1.

use tch::Tensor;

use super::{
    drop_block, drop_path,
    layers::{BatchNorm, Builder, Conv, ConvNorm, Mode},
};

/// The kind of the residual blocks of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockKind {
    /// Two 3×3 convolutions.
    Basic,
    /// 1×1, 3×3, 1×1; the output is four times as wide as the inner convolutions. The 3×3 has the stride, as in
    /// torchvision.
    Bottleneck,
}

impl BlockKind {
    /// The number of output channels for an inner width.
    pub fn outputs(self, width: i64) -> i64 {
        match self {
            BlockKind::Basic => width,
            BlockKind::Bottleneck => 4 * width,
        }
    }

    /// (inputs, outputs, kernel, stride) of each convolution on the main path.
    pub fn convolutions(self, inputs: i64, width: i64, stride: i64) -> Vec<(i64, i64, i64, i64)> {
        match self {
            BlockKind::Basic => vec![(inputs, width, 3, stride), (width, width, 3, 1)],
            BlockKind::Bottleneck => {
                vec![(inputs, width, 1, 1), (width, width, 3, stride), (width, 4 * width, 1, 1)]
            }
        }
    }
}

/// One residual block: relu(main(x) + skip(x)).
#[derive(Debug)]
pub(super) struct Block {
    main: Vec<ConvNorm>,
    /// A strided 1×1 convolution where the shape changes; `None` stands for the identity.
    downsample: Option<ConvNorm>,
    dropout: BlockDropout,
}

/// What is dropped from a block in training.
#[derive(Clone, Copy, Debug)]
pub(super) struct BlockDropout {
    /// Probability that the main path is left out for an image.
    pub drop_path: f64,
    /// Share of the feature maps that is dropped before the last convolution.
    pub drop_block: f64,
}

impl Block {
    pub fn new(
        builder: &mut Builder,
        kind: BlockKind,
        inputs: i64,
        width: i64,
        stride: i64,
        zero_init_last: bool,
        dropout: BlockDropout,
    ) -> Self {
        let convolutions = kind.convolutions(inputs, width, stride);
        let last = convolutions.len();
        let mut main = Vec::new();
        for (number, (inputs, outputs, kernel, stride)) in (1..).zip(convolutions) {
            let scale = if zero_init_last && number == last { 0.0 } else { 1.0 };
            let conv = Conv::new(&mut builder.at(format!("conv{number}")), inputs, outputs, kernel, stride);
            main.push(ConvNorm::new(conv, BatchNorm::new(&mut builder.at(format!("bn{number}")), outputs, scale)));
        }
        let outputs = kind.outputs(width);
        let downsample = (stride != 1 || inputs != outputs).then(|| {
            let conv = Conv::new(&mut builder.at("downsample.0"), inputs, outputs, 1, stride);
            ConvNorm::new(conv, BatchNorm::new(&mut builder.at("downsample.1"), outputs, 1.0))
        });
        Self { main, downsample, dropout }
    }

    pub fn forward(&self, x: &Tensor, mode: &mut Mode) -> Tensor {
        let skip = match &self.downsample {
            None => x.shallow_clone(),
            Some(downsample) => downsample.forward(x, mode),
        };
        let (last, inner) = self.main.split_last().expect("a block has convolutions");
        let mut y = x.shallow_clone();
        for layer in inner {
            y = layer.forward_relu(&y, mode);
        }
        let BlockDropout { drop_path, drop_block } = self.dropout;
        if drop_block > 0.0
            && let Some(draws) = mode.draws()
        {
            y = drop_block::forward(&y, drop_block, draws);
        }
        if drop_path > 0.0 && mode.draws().is_some() {
            y = last.forward(&y, mode);
            if let Some(draws) = mode.draws() {
                y = drop_path::forward(&y, drop_path, draws);
            }
            return (y + skip).relu_();
        }
        last.forward_add_relu(&y, &skip, mode)
    }
}
