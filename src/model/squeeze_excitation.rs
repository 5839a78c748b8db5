//! Squeeze-and-excitation, for `--se REDUCTION`.
//!
//! | | |
//! |---|---|
//! | What | In every block, after the last norm and before the sum with the shortcut, each channel is multiplied by a gate between 0 and 1. The gates are computed from the channels' means over the image by two linear layers, with ReLU between them and a sigmoid after them. The inner layer has the channels divided by REDUCTION, rounded to a multiple of 8 and at least 8, as in timm. |
//! | When it helps | In networks of 64 channels and more, and long runs: which channels matter then depends on the image. On ImageNet 1.5 points for resnet50 and 0.8 for resnet101 in the paper. Narrow networks have few channels to choose from. |
//! | Costs | At REDUCTION 16 resnet50 has 10 % more parameters, resnet18 1 %, both as many multiply-adds; a block takes two more passes over its output. Pretrained weights must be of a network with it, such as timm's `seresnet50`. |
//! | Usual values | 16; 8 for narrow networks. |
//! | Reference | Hu et al. 2018, "Squeeze-and-excitation networks"; names and inner channels are timm's. |

use tch::{Kind, Tensor};

use super::{layers::Builder, parameters::Role};

/// The inner channels for a block of `channels`: the multiple of 8 that is nearest to channels / reduction, 8 at least.
pub(super) fn inner_channels(channels: i64, reduction: i64) -> i64 {
    // timm computes in floats: ⌊channels / reduction + 4⌋, rounded down to a multiple of 8.
    let eighths = (channels + 4 * reduction) / (8 * reduction);
    8 * eighths.max(1)
}

/// The gates of a block's output: two 1×1 convolutions on maps of one pixel, which are linear layers.
#[derive(Debug)]
pub(super) struct SqueezeExcitation {
    fc1: Pointwise,
    fc2: Pointwise,
}

impl SqueezeExcitation {
    /// For a block with `channels` outputs; `inner` channels lie between the two layers.
    pub fn new(builder: &mut Builder, channels: i64, inner: i64) -> Self {
        let fc1 = Pointwise::new(&mut builder.at("fc1"), channels, inner);
        Self { fc1, fc2: Pointwise::new(&mut builder.at("fc2"), inner, channels) }
    }

    /// `[n, c, h, w]` to the same shape.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        let means = x.mean_dim([2i64, 3].as_slice(), false, Kind::Float);
        let gates = self.fc2.forward(&self.fc1.forward(&means).relu()).sigmoid();
        x * gates.unsqueeze(-1).unsqueeze(-1)
    }
}

/// A 1×1 convolution with biases, on vectors.
#[derive(Debug)]
struct Pointwise {
    /// `[outputs, inputs, 1, 1]`, the shape of a convolution's weight.
    weight: Tensor,
    bias: Tensor,
}

impl Pointwise {
    /// Draws weights as those of other convolutions, from a normal distribution with variance 2 / outputs; biases are 0.
    fn new(builder: &mut Builder, inputs: i64, outputs: i64) -> Self {
        let deviation = (2.0 / outputs as f64).sqrt();
        let shape = [outputs, inputs, 1, 1];
        let weight = builder.add("weight", &shape, Role::Weight, |draws| deviation * draws.normal());
        Self { weight, bias: builder.add("bias", &[outputs], Role::NormOrBias, |_| 0.0) }
    }

    /// `[n, inputs]` to `[n, outputs]`. A product of matrices: libtorch's gradients of 1×1 convolutions with few channels
    /// write beyond their memory on the CPU (2.13).
    fn forward(&self, x: &Tensor) -> Tensor {
        x.linear(&self.weight.flatten(1, -1), Some(&self.bias))
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;
    use crate::model::Parameters;

    #[test]
    fn inner_channels_are_timms() {
        // timm.layers.make_divisible(channels / reduction, 8, round_limit=0.), timm 1.0.31.
        let timm = [
            (16, 16, 8),
            (64, 16, 8),
            (192, 16, 16),
            (200, 16, 16),
            (256, 16, 16),
            (320, 16, 24),
            (512, 16, 32),
            (2048, 16, 128),
            (64, 4, 16),
            (100, 8, 16),
            (80, 3, 24),
            (24, 1, 24),
        ];
        for (channels, reduction, inner) in timm {
            assert_eq!(inner_channels(channels, reduction), inner, "{channels} / {reduction}");
        }
    }

    #[test]
    fn gates_are_computed_from_the_means_as_by_hand() {
        let mut parameters = Parameters::new(Device::Cpu);
        let mut builder = Builder { parameters: &mut parameters, path: "se".to_owned(), seed: 0 };
        let se = SqueezeExcitation::new(&mut builder, 2, 1);
        let names: Vec<_> = parameters.all().iter().map(|parameter| parameter.name.as_str()).collect();
        assert_eq!(names, ["se.fc1.weight", "se.fc1.bias", "se.fc2.weight", "se.fc2.bias"]);
        let _guard = tch::no_grad_guard();
        for (parameter, values) in parameters.all().iter().zip([&[1f32, 0.5][..], &[-1.0], &[1.0, -1.0], &[0.0, 1.0]]) {
            let size = parameter.tensor.size();
            parameter.tensor.shallow_clone().copy_(&Tensor::from_slice(values).view(size.as_slice()));
        }
        // Means 2 and 4; inside relu(2 · 1 + 4 · 0.5 − 1) = 3; gates σ(3) and σ(−3 + 1).
        let x = Tensor::from_slice(&[1f32, 3.0, 8.0, 0.0]).view([1, 2, 1, 2]);
        let sigmoid = |x: f32| 1.0 / (1.0 + (-x).exp());
        let (first, second) = (sigmoid(3.0), sigmoid(-2.0));
        let expected = Tensor::from_slice(&[first, 3.0 * first, 8.0 * second, 0.0]).view([1, 2, 1, 2]);
        assert!(se.forward(&x).allclose(&expected, 1e-6, 0.0, false));
    }
}
