//! Bilinear resampling, which all geometric knobs share.

use tch::{Device, Kind, Tensor};

use super::{ImageSize, Map, Normalize};
use crate::{recipe::Border, torch};

/// libtorch's numbers for the modes of `grid_sampler`.
const BILINEAR: i64 = 0;
const ZEROS: i64 = 0;
const REFLECTION: i64 = 2;

/// Samples each of the float images `[n, c, h, w]` bilinearly through its map.
///
/// Pixels are squares, as in torchvision (`align_corners=False`): the border reflects about the outer edges of the
/// outermost pixels, which therefore appear twice. Towards a border of zeros the outermost pixels fade.
pub fn resample(images: &Tensor, maps: &[Map], border: Border) -> Tensor {
    resample_by(images, &torch::sent(&axes(maps, ImageSize::of(images)), images.device()), border)
}

/// [`resample`] with the [`axes`] of the maps on the images' device.
fn resample_by(images: &Tensor, axes: &Tensor, border: Border) -> Tensor {
    let padding = match border {
        Border::Reflect => REFLECTION,
        Border::Zero => ZEROS,
    };
    images.grid_sampler(&grid(axes, ImageSize::of(images)), BILINEAR, padding, false)
}

/// Samples uint8 images by the [`axes`] of maps that do not rotate, and normalises them by `values`; in one pass on the CPU.
pub(super) fn resample_separable(images: &Tensor, axes: &Tensor, border: Border, values: &Normalize) -> Tensor {
    if images.device() != Device::Cpu {
        return resample_bytes(images, axes, border, values);
    }
    torch::sample(images, axes, border == Border::Reflect, &values.scale, &values.shift)
}

/// Samples uint8 images by the [`axes`] of their maps, and normalises them by `values`.
pub(super) fn resample_bytes(images: &Tensor, axes: &Tensor, border: Border, values: &Normalize) -> Tensor {
    values.forward(&resample_by(&images.to_kind(Kind::Float), axes, border))
}

/// The numbers of each map, `[n, 2, 7]` on the CPU.
pub(super) fn axes(maps: &[Map], size: ImageSize) -> Tensor {
    let numbers: Vec<f32> = maps.iter().flat_map(|map| numbers(map, size)).map(|number| number as f32).collect();
    Tensor::from_slice(&numbers).view([-1, 2, 7])
}

/// Source of each pixel, `[n, h, w, 2]`: x and y, where −1 and 1 are the outer edges of the image.
fn grid(axes: &Tensor, size: ImageSize) -> Tensor {
    let device = axes.device();
    let numbers = axes.view([-1, 14, 1, 1]).unbind(1);
    let number = |axis: usize, index: usize| &numbers[7 * axis + index];

    // A crop is parallel to the axes: columns and rows move independently. The affine map mixes the two.
    let cropped = |axis, pixels: Tensor| {
        let places = number(axis, 0) + number(axis, 1) * pixels;
        places.clamp_tensor(Some(number(axis, 2)), Some(number(axis, 3)))
    };
    let x = cropped(0, Tensor::arange(size.width, (Kind::Float, device)).view([1, 1, -1]));
    let y = cropped(1, Tensor::arange(size.height, (Kind::Float, device)).view([1, -1, 1]));
    let source = |axis| number(axis, 4) * &x + (number(axis, 5) * &y + number(axis, 6));
    Tensor::stack(&[source(0), source(1)], -1)
}

/// The numbers of one map, for x and then for y, in pixels from the image's centre: the crop's first place, its step, the
/// centres of its first and last pixel; then the row of the affine map, which is scaled to edges at −1 and 1.
///
/// Places are clamped to the centres of the crop's outermost pixels, since places beyond would show pixels outside the
/// crop.
fn numbers(map: &Map, size: ImageSize) -> [f64; 14] {
    let axis = |start: i64, length: i64, side: i64, inverse: [f64; 3]| {
        let (start, length, side) = (start as f64 - side as f64 / 2.0, length as f64, side as f64);
        let step = length / side;
        let [a, b, c] = inverse.map(|value| value * 2.0 / side);
        [start + step / 2.0, step, start + 0.5, start + length - 0.5, a, b, c]
    };
    let ([x, y], crop) = (map.inverse(), map.crop);
    let x = axis(crop.left, crop.width, size.width, x);
    let y = axis(crop.top, crop.height, size.height, y);
    std::array::from_fn(|index| if index < 7 { x[index] } else { y[index - 7] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        augment::{AugmentDraws, draws::tests::everything},
        random::{Purpose, Stream},
        recipe::Recipe,
    };

    #[test]
    fn one_pass_over_bytes_gives_what_libtorchs_sampler_gives() {
        let size = ImageSize { height: 9, width: 13 };
        for channels in [1, 3] {
            let pixels: Vec<u8> = (0..40 * channels * 9 * 13).map(|i| (i * i * 31 % 251) as u8).collect();
            let images = Tensor::from_slice(&pixels).view([40, channels, 9, 13]);
            let map = |id| {
                // Some images are shifted by more than their side.
                let translate = if id % 5 == 0 { 1.0 } else { 0.1 };
                let recipe = Recipe { rotate: 0.0, translate, ..everything() };
                AugmentDraws::new(&recipe, channels, size, &mut Stream::new(0, Purpose::Augment, 1, id)).map
            };
            let maps: Vec<Map> = (0..40).map(map).collect();
            let values = Normalize::new(
                &[0.4, 0.5, 0.6][..channels as usize],
                &[0.2, 0.3, 0.25][..channels as usize],
                Device::Cpu,
            );
            for border in [Border::Reflect, Border::Zero] {
                let axes = axes(&maps, size);
                let [ours, theirs] =
                    [resample_separable, resample_bytes].map(|way| way(&images, &axes, border, &values));
                let off = (ours - theirs).abs().max().double_value(&[]);
                assert!(off < 2e-4, "{channels} channels, {border:?}: {off}");
            }
        }
    }
}
