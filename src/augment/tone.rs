//! Changes of the tones of an image that only the automatic policies draw: sharpness, posterize, solarize, autocontrast and
//! equalize, as torchvision's functions of these names. Where those take bytes, values are rounded to bytes.

use tch::{Kind, Tensor};

use crate::torch;

/// The changes of one image's tones, made in the order of the fields.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tone {
    /// Sharpness from 0 (smoothed by a window of 3 × 3); 1 changes nothing, more sharpens.
    pub sharpness: f64,
    /// Bits that are kept of the eight of each value, 0 to 8; `None` changes nothing.
    pub posterize: Option<u32>,
    /// Values of at least so much, on the scale 0 to 1, are inverted; `None` changes nothing.
    pub solarize: Option<f64>,
    /// Whether each channel is stretched to the whole scale.
    pub autocontrast: bool,
    /// Whether each channel gets a histogram that is as flat as it may be.
    pub equalize: bool,
}

impl Tone {
    /// The changes that change nothing.
    pub const IDENTITY: Self =
        Self { sharpness: 1.0, posterize: None, solarize: None, autocontrast: false, equalize: false };

    /// The numbers of the changes, in the order of [`CHANGES`]; `None` for a change that is not made.
    fn numbers(&self) -> [Option<f64>; 5] {
        [
            (self.sharpness != 1.0).then_some(self.sharpness),
            self.posterize.map(f64::from),
            self.solarize,
            self.autocontrast.then_some(1.0),
            self.equalize.then_some(1.0),
        ]
    }
}

/// A change of the float images `[m, c, h, w]` on the scale 0 to 1 by one number each, `[m, 1, 1, 1]`.
type Change = fn(&Tensor, &Tensor) -> Tensor;

const CHANGES: [Change; 5] = [sharpen, posterize, solarize, autocontrast, equalize];

/// Changes the tones of each of the float images `[n, c, h, w]` on the scale 0 to 1. A change that no image of the batch
/// has costs nothing.
pub fn change_tones(images: Tensor, tones: &[Tone]) -> Tensor {
    let numbers: Vec<Tensor> = numbers(tones).iter().map(|tensor| torch::sent(tensor, images.device())).collect();
    let mut numbers = numbers.into_iter();
    change_by(images, tones, &mut || numbers.next().expect("two tensors for each change that is made"))
}

/// For each change that an image of the batch has, the indices of these images `[m]` (i64) and their numbers `[m]` (float32), on
/// the CPU.
pub(super) fn numbers(tones: &[Tone]) -> Vec<Tensor> {
    let mut tensors = Vec::new();
    for change in 0..CHANGES.len() {
        let mut index: Vec<i64> = Vec::new();
        let mut values: Vec<f32> = Vec::new();
        for (image, tone) in (0..).zip(tones) {
            if let Some(value) = tone.numbers()[change] {
                index.push(image);
                values.push(value as f32);
            }
        }
        if !index.is_empty() {
            tensors.extend([Tensor::from_slice(&index), Tensor::from_slice(&values)]);
        }
    }
    tensors
}

/// [`change_tones`] with the [`numbers`] of the tones on the images' device, which `next` gives one after the other.
pub(super) fn change_by(mut images: Tensor, tones: &[Tone], next: &mut impl FnMut() -> Tensor) -> Tensor {
    for (number, change) in CHANGES.iter().enumerate() {
        if tones.iter().any(|tone| tone.numbers()[number].is_some()) {
            let (index, values) = (next(), next());
            let changed = change(&images.index_select(0, &index), &values.view([-1, 1, 1, 1]));
            images = images.index_copy_(0, &index, &changed);
        }
    }
    images
}

/// Interpolates from the smoothed image at factor 0 to the image at 1, and extrapolates above. The outermost pixels stay.
fn sharpen(images: &Tensor, factor: &Tensor) -> Tensor {
    let (_, _, height, width) = images.size4().expect("images are [n, c, h, w]");
    if height.min(width) < 3 {
        return images.shallow_clone();
    }
    let smooth = images.copy();
    let mut inner = smooth.narrow(2, 1, height - 2).narrow(3, 1, width - 2);
    // The pixel counts five times, its eight neighbours once.
    let sums = images.avg_pool2d([3, 3], [1, 1], [0, 0], false, true, 1);
    let weighted = (sums + &inner * 4.0) / 13.0;
    inner.copy_(&weighted);
    let rest: Tensor = 1.0 - factor;
    (images * factor + smooth * rest).clamp_(0.0, 1.0)
}

/// Sets the lowest bits of each value to 0.
fn posterize(images: &Tensor, bits: &Tensor) -> Tensor {
    let lost: Tensor = 8.0 - bits;
    let step = lost.exp2();
    ((images * 255.0).round() / &step).floor() * step / 255.0
}

fn solarize(images: &Tensor, threshold: &Tensor) -> Tensor {
    let inverted: Tensor = 1.0 - images;
    inverted.where_self(&images.ge_tensor(threshold), images)
}

/// Stretches each channel to the whole scale. A channel of one value stays.
fn autocontrast(images: &Tensor, _: &Tensor) -> Tensor {
    let least = images.amin([2i64, 3].as_slice(), true);
    let range = images.amax([2i64, 3].as_slice(), true) - &least;
    let stretched = ((images - least) / &range).clamp_(0.0, 1.0);
    stretched.where_self(&range.gt(0.0), images)
}

/// Replaces each value by the share of the channel's pixels that lie below it, in 255 steps, the pixels of the largest value not
/// counted. A channel in which fewer than 255 pixels are below the largest value stays.
fn equalize(images: &Tensor, _: &Tensor) -> Tensor {
    let (n, c, height, width) = images.size4().expect("images are [n, c, h, w]");
    let values = (images * 255.0).round().reshape([n * c, height * width]);
    let (sorted, _) = values.sort(1, false);
    // The count of smaller values is the cumulative histogram: no histogram is made, since CUDA adds it up in any order.
    let below =
        |values: &Tensor| values.searchsorted(&sorted, false, false, "left", None::<&Tensor>).to_kind(Kind::Double);
    let step = (below(&values.amax([1i64].as_slice(), true)) / 255.0).floor();
    let half = (&step / 2.0).floor();
    let flat = ((below(&values) + half) / &step).floor().clamp_(0.0, 255.0).to_kind(Kind::Float);
    let flat = flat.where_self(&step.gt(0.0), &values) / 255.0;
    flat.view([n, c, height, width])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(values: &[f32]) -> Tensor {
        Tensor::from_slice(values).view([1, 1, 1, -1])
    }

    fn changed(tone: Tone, image: &Tensor) -> Vec<f32> {
        let other = image * 0.5;
        let both = change_tones(Tensor::cat(&[image, &other], 0), &[tone, Tone::IDENTITY]);
        assert!(both.narrow(0, 1, 1).equal(&other), "{tone:?} reached the other image");
        Vec::try_from(both.get(0).reshape([-1])).unwrap()
    }

    fn nearly(values: &[f32], expected: &[f32]) {
        let is_near = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-6;
        assert!(values.len() == expected.len() && values.iter().zip(expected).all(is_near), "{values:?} {expected:?}");
    }

    #[test]
    fn values_lose_bits_are_inverted_and_stretched() {
        // 200 is 11001000 in binary.
        let image = row(&[200.0 / 255.0, 100.0 / 255.0, 0.2]);
        let posterized = changed(Tone { posterize: Some(2), ..Tone::IDENTITY }, &image);
        nearly(&posterized, &[192.0 / 255.0, 64.0 / 255.0, 0.0]);
        let solarized = changed(Tone { solarize: Some(0.5), ..Tone::IDENTITY }, &image);
        nearly(&solarized, &[55.0 / 255.0, 100.0 / 255.0, 0.2]);
        let stretched = changed(Tone { autocontrast: true, ..Tone::IDENTITY }, &row(&[0.5, 0.25, 0.75]));
        nearly(&stretched, &[0.5, 0.0, 1.0]);
        nearly(&changed(Tone { autocontrast: true, ..Tone::IDENTITY }, &row(&[0.5, 0.5])), &[0.5, 0.5]);
    }

    #[test]
    fn equal_counts_become_equal_distances() {
        // Four values, 255 pixels of each of the first three, so that a step is 3 pixels.
        let values = [10.0f32, 20.0, 40.0, 200.0];
        let pixels: Vec<f32> = values.iter().flat_map(|value| [value / 255.0; 255]).collect();
        let flat = changed(Tone { equalize: true, ..Tone::IDENTITY }, &row(&pixels));
        let seen: Vec<f32> = flat.iter().step_by(255).map(|value| value * 255.0).collect();
        nearly(&seen, &[0.0, 85.0, 170.0, 255.0]);
        // Too few pixels for 255 steps.
        let few = [0.1, 0.9];
        nearly(&changed(Tone { equalize: true, ..Tone::IDENTITY }, &row(&few)), &[26.0 / 255.0, 230.0 / 255.0]);
    }

    #[test]
    fn the_smoothed_image_is_a_weighted_mean_inside_and_the_image_at_its_edge() {
        let mut pixels = [0.0f32; 9];
        pixels[4] = 0.5;
        let image = Tensor::from_slice(&pixels).view([1, 1, 3, 3]);
        let smooth = changed(Tone { sharpness: 0.0, ..Tone::IDENTITY }, &image);
        pixels[4] = 0.5 * 5.0 / 13.0;
        nearly(&smooth, &pixels);
    }
}
