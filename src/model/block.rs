//! The residual block in its two forms (He et al. 2016): two 3×3 convolutions, or a bottleneck of 1×1, 3×3, 1×1.

use tch::Tensor;

use super::{
    drop_block, drop_path,
    layers::{Builder, ConvNorm, Mode},
    resnet_d::average_pool,
    spec::BlockSpec,
    squeeze_excitation::SqueezeExcitation,
};

/// One residual block: relu(main(x) + skip(x)).
#[derive(Debug)]
pub(super) struct Block {
    main: Vec<ConvNorm>,
    /// The gates of the main path's output.
    se: Option<SqueezeExcitation>,
    /// `None` stands for the identity.
    shortcut: Option<Shortcut>,
    dropout: BlockDropout,
}

/// The shortcut where the shape changes: a 1×1 convolution.
#[derive(Debug)]
struct Shortcut {
    /// Whether an average pool halves the map before it.
    pool: bool,
    conv: ConvNorm,
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
    pub fn new(builder: &mut Builder, spec: &BlockSpec, zero_init_last: bool, dropout: BlockDropout) -> Self {
        let mut main = Vec::new();
        for (number, conv) in (1..).zip(&spec.main) {
            let scale = if zero_init_last && number == spec.main.len() { 0.0 } else { 1.0 };
            main.push(ConvNorm::new(builder, conv, scale));
        }
        let se = spec.squeezed.map(|inner| SqueezeExcitation::new(&mut builder.at("se"), spec.outputs(), inner));
        let shortcut = spec.shortcut.as_ref();
        let shortcut = shortcut
            .map(|shortcut| Shortcut { pool: shortcut.pool, conv: ConvNorm::new(builder, &shortcut.conv, 1.0) });
        Self { main, se, shortcut, dropout }
    }

    pub fn forward(&self, x: &Tensor, mode: &mut Mode) -> Tensor {
        let skip = match &self.shortcut {
            None => x.shallow_clone(),
            Some(Shortcut { pool: true, conv }) => conv.forward(&average_pool(x), mode),
            Some(Shortcut { pool: false, conv }) => conv.forward(x, mode),
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
        let drops_path = drop_path > 0.0 && mode.draws().is_some();
        if self.se.is_none() && !drops_path {
            return last.forward_add_relu(&y, &skip, mode);
        }
        y = last.forward(&y, mode);
        if let Some(se) = &self.se {
            y = se.forward(&y);
        }
        if drop_path > 0.0
            && let Some(draws) = mode.draws()
        {
            y = drop_path::forward(&y, drop_path, draws);
        }
        (y + skip).relu_()
    }
}
