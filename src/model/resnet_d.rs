//! ResNet-D, for `--resnet-d`.
//!
//! | | |
//! |---|---|
//! | What | The shortcut of a block that halves the map is a 2×2 average pool followed by a 1×1 convolution of stride 1, where the plain one skips three of four pixels. With the ImageNet stem, three 3×3 convolutions stand for the one of 7×7, the first two with half the channels. A small stem stays. |
//! | When it helps | Nearly always a little: on ImageNet 0.3 points from the shortcut and 0.2 from the stem in the paper. |
//! | Costs | The shortcut costs nothing. The stem takes resnet18 at 224 pixels from 1.81 to 2.05 billion multiply-adds. Pretrained weights must be of a network with it, such as timm's `resnet18d`. |
//! | Usual values | On or off. |
//! | Reference | He et al. 2019, "Bag of tricks for image classification with convolutional neural networks", section 4; names are those of timm's `resnet18d`. |

use tch::Tensor;

use super::spec::ConvSpec;

/// The first layers with the ImageNet stem. Half of a width of one is one.
pub(super) fn deep_stem(channels: i64, width: i64) -> Vec<ConvSpec> {
    let half = (width / 2).max(1);
    vec![
        ConvSpec::new("conv1.0", "conv1.1", (channels, half, 3, 2)),
        ConvSpec::new("conv1.3", "conv1.4", (half, half, 3, 1)),
        ConvSpec::new("conv1.6", "bn1", (half, width, 3, 1)),
    ]
}

/// `x` `[n, c, h, w]` averaged over squares of 2×2 pixels: `[n, c, ⌈h/2⌉, ⌈w/2⌉]`. A square that reaches beyond the edge
/// is the mean of what lies within.
pub fn average_pool(x: &Tensor) -> Tensor {
    x.avg_pool2d([2, 2], [2, 2], [0, 0], true, false, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_at_the_edge_are_the_mean_of_what_lies_within() {
        let x = Tensor::from_slice(&[1f32, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]).view([1, 1, 3, 3]);
        // (1 + 2 + 4 + 5) / 4, (3 + 6) / 2, (7 + 8) / 2, 9.
        assert_eq!(average_pool(&x), Tensor::from_slice(&[3f32, 4.5, 7.5, 9.0]).view([1, 1, 2, 2]));
    }
}
