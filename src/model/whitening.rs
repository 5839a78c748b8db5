//! A first layer that whitens patches, for `--whitening`.
//!
//! | | |
//! |---|---|
//! | What | Before the stem stands a 3×3 convolution whose filters are computed from training images and stay: the principal components of their patches, each scaled to variance 1, and the negative of each. Batch norm and ReLU follow, and the stem takes its channels in place of the image's. |
//! | When it helps | Short runs: neighbouring pixels are nearly equal, so that the first layer needs many updates to learn what the differences say. |
//! | Costs | 18 maps of full size for grey images, 54 for coloured ones. Pretrained weights must be of a network with it. |
//! | Usual values | On or off. |
//! | Reference | Jordan 2024, "94% on CIFAR-10 in 3.29 seconds on a single GPU" (arXiv 2404.00498), section 3.2, after tysam-code and Page 2019; its kernel has 2×2 pixels. |

use tch::{Kind, Tensor};

use super::spec::ConvSpec;

/// The names of the convolution and of its norm.
const CONV: &str = "whiten";
const NORM: &str = "whiten_bn";

/// Side of a patch in pixels.
const PATCH: i64 = 3;
/// Added to the variance of each component, so that what images hardly contain is not raised to the height of the rest.
const EPSILON: f64 = 5e-4;

/// The layer before the stem, for images of `channels` channels.
pub(super) fn layer(channels: i64) -> ConvSpec {
    ConvSpec::new(CONV, NORM, (channels, 2 * PATCH * PATCH * channels, PATCH, 1))
}

/// Whether the tensor called `name` holds the filters, which are computed from images and not trained.
pub fn is_whitening(name: &str) -> bool {
    name.strip_suffix(".weight") == Some(CONV)
}

/// The filters `[outputs, c, 3, 3]` for normalised `images` `[n, c, h, w]`, float32: the components of the patches by falling
/// variance, then their negatives.
pub fn filters(images: &Tensor) -> Tensor {
    let channels = images.size()[1];
    let patches = images.unfold(2, PATCH, 1).unfold(3, PATCH, 1).permute([0, 2, 3, 1, 4, 5]);
    let patches = patches.reshape([-1, channels * PATCH * PATCH]).to_kind(Kind::Double);
    let centred = &patches - patches.mean_dim([0i64].as_slice(), true, Kind::Double);
    let covariance = centred.tr().matmul(&centred) / centred.size()[0] as f64;
    let (variances, components) = covariance.linalg_eigh("L");
    let scaled = components.tr() / (variances.clamp_min(0.0) + EPSILON).sqrt().unsqueeze(1);
    // A component may point either way: its largest number is positive.
    let largest = scaled.abs().argmax(1, true);
    let scaled = (&scaled * scaled.gather(1, &largest, false).sign()).flip([0]);
    let filters = scaled.view([-1, channels, PATCH, PATCH]).to_kind(Kind::Float);
    Tensor::cat(&[&filters, &-&filters], 0)
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;
    use crate::{
        model::{Architecture, ResNet},
        random::{Purpose, Stream},
        recipe::Recipe,
    };

    /// Images whose neighbouring pixels are alike.
    fn images(channels: i64) -> Tensor {
        let mut draws = Stream::new(0, Purpose::Resample, 0, 0);
        let noise: Vec<f32> = (0..20 * channels * 14 * 14).map(|_| draws.normal() as f32).collect();
        Tensor::from_slice(&noise).view([20, channels, 14, 14]).avg_pool2d([3, 3], [1, 1], [0, 0], false, true, None)
    }

    #[test]
    fn what_comes_out_is_uncorrelated_and_of_variance_one() {
        for channels in [1, 3] {
            let (images, filters) = (images(channels), filters(&images(channels)));
            let count = 9 * channels;
            assert_eq!(filters.size(), [2 * count, channels, 3, 3]);
            assert_eq!(filters.narrow(0, count, count), -filters.narrow(0, 0, count));
            let maps = images.conv2d(&filters.narrow(0, 0, count), None::<&Tensor>, [1, 1], [0, 0], [1, 1], 1);
            let maps = maps.permute([1, 0, 2, 3]).reshape([count, -1]);
            let covariance = maps.cov(1, None::<&Tensor>, None::<&Tensor>);
            // The first components have a variance far above epsilon.
            let off = (covariance - Tensor::eye(count, (Kind::Float, Device::Cpu))).narrow(0, 0, 3).abs().max();
            assert!(off.double_value(&[]) < 0.05, "{channels} channels: {off}");
        }
    }

    #[test]
    fn the_layer_stands_before_the_stem_and_is_not_trained() {
        for model in ["resnet8", "resnet18"] {
            let recipe = Recipe { model: model.into(), width: Some(4), whitening: true, ..Recipe::default() };
            let architecture = Architecture::new(&recipe, 3, 2).unwrap();
            let network = ResNet::new(&architecture, 0, Device::Cpu);
            network.set_whitening(&images(3));
            let first = &network.parameters.all()[0];
            assert_eq!((first.name.as_str(), &first.tensor), ("whiten.weight", &filters(&images(3))));
            assert!(network.parameters.trained().all(|parameter| parameter.name != "whiten.weight"));
            assert_eq!(network.parameters.count(), architecture.cost(32).parameters);
        }
    }
}
