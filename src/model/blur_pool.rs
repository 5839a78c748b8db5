//! Anti-aliased down-sampling, for `--blur-pool`.
//!
//! | | |
//! |---|---|
//! | What | A convolution of stride 2 on the main path of a block runs at stride 1; after its norm and ReLU a 3×3 binomial blur with stride 2 halves the map. The max-pool of the ImageNet stem has stride 1 and the same blur after it. The blur has no weights. A 1×1 shortcut keeps its stride, as in timm; `--resnet-d` makes it an average pool. |
//! | When it helps | Where objects are not centred: the output changes less when the image is shifted by a pixel. On ImageNet the author's networks with this kernel gain 0.7 points (resnet50) to 1.9 (resnet18). |
//! | Costs | Each strided 3×3 convolution computes four times the pixels: resnet20 takes 1.2 times the multiply-adds, resnet18 1.3 times. Pretrained weights of a plain network can be loaded, but were trained without the blur. |
//! | Usual values | On or off. |
//! | Reference | Zhang 2019, "Making convolutional networks shift-invariant again"; timm's `aa_layer=BlurPool2d`, as in its `resnetblur50`. |

use tch::Tensor;

/// `x` `[n, c, h, w]` blurred by the kernel (1 2 1)ᵀ(1 2 1) / 16 and sampled at every second row and column:
/// `[n, c, ⌈h/2⌉, ⌈w/2⌉]`. Beyond its edge the map is reflected. Height and width are 2 or more.
///
/// (1 2 1) is (1 1) twice, so two means of 2×2 pixels give the blur. The first one turns the reflected map into one whose
/// border is repeated, and the mean of a value and its repetition is the value: the second one leaves out what lies
/// beyond the edge.
pub fn blur_pool(x: &Tensor) -> Tensor {
    let means = x.avg_pool2d([2, 2], [1, 1], [0, 0], false, true, None);
    means.avg_pool2d([2, 2], [2, 2], [1, 1], false, false, None)
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    #[test]
    fn a_small_map_is_blurred_as_by_hand() {
        // Rows 0 16 0, 16 0 0 and 0 0 32. At the upper left corner the reflected map is
        // 0 16 0 | 16 0 16 | 0 16 0, weighed by 1 2 1 | 2 4 2 | 1 2 1: (4 · 32) / 16 = 8.
        let x = Tensor::from_slice(&[0f32, 16.0, 0.0, 16.0, 0.0, 0.0, 0.0, 0.0, 32.0]).view([1, 1, 3, 3]);
        // Upper right: 0 0 0 | 16 0 16 | 0 0 0 around the corner 0. Lower right: 0 0 0 | 0 32 0 | 0 0 0.
        let expected = Tensor::from_slice(&[8f32, 4.0, 4.0, 8.0]).view([1, 1, 2, 2]);
        assert_eq!(blur_pool(&x), expected);
    }

    #[test]
    fn it_is_a_strided_convolution_of_the_reflected_map() {
        let row = Tensor::from_slice(&[1f32, 2.0, 1.0]) / 4.0;
        let kernel = row.outer(&row).view([1, 1, 3, 3]).repeat([5, 1, 1, 1]);
        for (height, width) in [(2, 2), (3, 2), (6, 7), (9, 9)] {
            let x =
                Tensor::arange(2 * 5 * height * width, (Kind::Float, Device::Cpu)).sin().view([2, 5, height, width]);
            let padded = x.reflection_pad2d([1, 1, 1, 1]);
            let expected = padded.conv2d(&kernel, None::<&Tensor>, [2, 2], [0, 0], [1, 1], 5);
            let found = blur_pool(&x);
            assert_eq!(found.size(), [2, 5, (height + 1) / 2, (width + 1) / 2]);
            assert!(found.allclose(&expected, 1e-5, 1e-6, false), "{height}×{width}");
        }
    }
}
