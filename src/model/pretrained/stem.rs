//! Fits the stem of pretrained weights to images with other channels and another normalisation.
//!
//! The weights expect images normalised as in the pretraining, but mindgap normalises with the statistics of the images
//! at hand. A norm that is trained would soon adapt to that, a frozen one never. Both normalisations are linear, so the
//! difference is moved into the stem's weights and the mean of the norm behind it. The network's outputs then stay the
//! same, except at the image's border: zero padding stands for the mean of the pretraining before, and for that of the
//! new images after.

use std::{collections::BTreeMap, fmt};

use anyhow::{Context, Result, ensure};
use tch::{Kind, Tensor};

/// Mean and standard deviation of ImageNet's pixels, with which torchvision's and timm's ResNets are trained.
pub(super) const IMAGENET: ([f32; 3], [f32; 3]) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);

/// The normalisation of an image's channels: `(x − mean) / std` for pixels `x` from 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Normalisation {
    mean: Vec<f64>,
    std: Vec<f64>,
}

impl Normalisation {
    pub fn new(mean: &[f32], std: &[f32]) -> Self {
        let wide = |values: &[f32]| values.iter().copied().map(f64::from).collect();
        Self { mean: wide(mean), std: wide(std) }
    }

    /// [`IMAGENET`]; for grey images its mean over the channels, as in timm.
    pub fn imagenet(channels: usize) -> Self {
        let (mean, std) = IMAGENET;
        if channels == 3 {
            return Self::new(&mean, &std);
        }
        Self::new(&[mean.iter().sum::<f32>() / 3.0], &[std.iter().sum::<f32>() / 3.0])
    }

    /// The normalisation that a file's metadata state under `mean` and `std`, as mindgap's do; `None` where they do
    /// not. Fails if the values are not a normalisation of images with `channels` channels.
    pub fn stated(metadata: &BTreeMap<String, String>, channels: usize) -> Result<Option<Self>> {
        let (Some(mean), Some(std)) = (metadata.get("mean"), metadata.get("std")) else { return Ok(None) };
        let read = |text: &str| -> Result<Vec<f32>> {
            let values: Vec<f32> = serde_json::from_str(text)?;
            ensure!(values.len() == channels, "{} values for {channels} channels", values.len());
            ensure!(values.iter().all(|value| value.is_finite()), "not all are finite");
            Ok(values)
        };
        let mean = read(mean).context("`mean` in its metadata is no list of numbers, one for each channel")?;
        let std = read(std).context("`std` in its metadata is no list of numbers, one for each channel")?;
        ensure!(std.iter().all(|std| *std > 0.0), "`std` in its metadata is not above 0: {std:?}");
        Ok(Some(Self::new(&mean, &std)))
    }

    /// Mean and standard deviation for `channels` channels, `[1, channels, 1, 1]` each; a single value is repeated.
    fn widened(&self, channels: usize) -> (Tensor, Tensor) {
        let column =
            |values: &[f64]| Tensor::from_slice(values).view([1, -1, 1, 1]).expand([1, channels as i64, 1, 1], false);
        (column(&self.mean), column(&self.std))
    }
}

impl fmt::Display for Normalisation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |values: &[f64]| values.iter().map(|value| format!("{value:.3}")).collect::<Vec<_>>().join(" ");
        write!(f, "mean {}, std {}", list(&self.mean), list(&self.std))
    }
}

/// Fits the stem's weight `[o, f, k, k]`, made for images normalised as `own`, to images normalised as `ours`. Returns
/// the fitted weight `[o, c, k, k]` and the amount `[o]` by which the mean of its outputs falls.
///
/// A grey image equals an RGB image with three equal channels. So an RGB stem is summed over its channels, and a third
/// of a grey stem goes to each of the RGB channels.
pub(super) fn fit(weight: &Tensor, own: &Normalisation, ours: &Normalisation) -> (Tensor, Tensor) {
    let (from, to) = (own.mean.len(), ours.mean.len());
    let channels = from.max(to);
    let weight = weight.to_kind(Kind::Double);
    let weight = if from < channels { weight.repeat([1, channels as i64, 1, 1]) / channels as f64 } else { weight };
    let ((own_mean, own_std), (mean, std)) = (own.widened(channels), ours.widened(channels));
    // own = (x − own_mean) / own_std, x = ours · std + mean
    let scale = std / &own_std;
    let offset = (mean - own_mean) / own_std;
    let shift = (&weight * offset).sum_dim_intlist([1i64, 2, 3].as_slice(), false, Kind::Double);
    let fitted = weight * scale;
    let fitted = if to < channels { fitted.sum_dim_intlist([1i64].as_slice(), true, Kind::Double) } else { fitted };
    (fitted.to_kind(Kind::Float), shift.to_kind(Kind::Float))
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    /// Asserts that `images` (0 to 1) normalised as `own` give with `weight`, convolved without padding, what they give
    /// normalised as `ours` with the fitted weight and its shift.
    fn assert_same(weight: &Tensor, images: [&Tensor; 2], own: &Normalisation, ours: &Normalisation) {
        let normal = |images: &Tensor, by: &Normalisation| {
            let (mean, std) = by.widened(images.size()[1] as usize);
            ((images - mean) / std).to_kind(Kind::Float)
        };
        let convolve =
            |images: &Tensor, weight: &Tensor| images.conv2d(weight, None::<&Tensor>, [1, 1], [0, 0], [1, 1], 1);
        let expected = convolve(&normal(images[0], own), weight);
        let (fitted, shift) = fit(weight, own, ours);
        let found = convolve(&normal(images[1], ours), &fitted) + shift.view([1, -1, 1, 1]);
        let far = (found - expected).abs().max().double_value(&[]);
        assert!(far < 1e-4, "{far}");
    }

    fn random(shape: &[i64]) -> Tensor {
        Tensor::rand(shape, (Kind::Float, Device::Cpu))
    }

    #[test]
    fn the_network_gives_what_it_gave_on_the_same_images() {
        let rgb = Normalisation::new(&[0.2, 0.5, 0.7], &[0.1, 0.3, 0.2]);
        let grey = Normalisation::new(&[0.4], &[0.15]);
        let (coloured, colourless) = (random(&[2, 3, 9, 9]), random(&[2, 1, 9, 9]));
        let repeated = colourless.repeat([1, 3, 1, 1]);
        let imagenet = Normalisation::imagenet;
        assert_same(&random(&[4, 3, 3, 3]), [&coloured, &coloured], &imagenet(3), &rgb);
        assert_same(&random(&[4, 3, 3, 3]), [&repeated, &colourless], &imagenet(3), &grey);
        assert_same(&random(&[4, 1, 3, 3]), [&colourless, &repeated], &imagenet(1), &rgb);
        assert_same(&random(&[4, 1, 3, 3]), [&colourless, &colourless], &imagenet(1), &grey);
    }

    #[test]
    fn under_the_same_normalisation_the_weights_stay_as_they_are() {
        let weight = random(&[4, 3, 3, 3]);
        let (fitted, shift) = fit(&weight, &Normalisation::imagenet(3), &Normalisation::imagenet(3));
        assert!(fitted == weight && shift == shift.zeros_like());
    }
}
