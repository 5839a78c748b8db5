//! Mirroring and shifting by whole pixels, without interpolation: each pixel keeps its value.

use tch::{Kind, Tensor};

use super::{ImageSize, Map};
use crate::{recipe::Border, torch};

/// Images `[n, c, h, w]` of any kind, each mirrored and cropped as its map says. The maps neither turn nor scale.
///
/// The border is that of [`super::resample()`].
pub fn move_pixels(images: &Tensor, maps: &[Map], border: Border) -> Tensor {
    move_by(images, &torch::sent(&starts(maps, ImageSize::of(images)), images.device()), border)
}

/// [`move_pixels`] by the [`starts`] of the maps, on the images' device.
pub(super) fn move_by(images: &Tensor, starts: &Tensor, border: Border) -> Tensor {
    let (n, c, height, width) = images.size4().expect("images are [n, c, h, w]");
    let [x, y] = origins(starts, ImageSize { height, width });
    let index = (inside(&y, height, border) * width + inside(&x, width, border)).view([n, 1, height * width]);
    let moved =
        images.reshape([n, c, -1]).gather(2, &index.expand([n, c, -1], false), false).view([n, c, height, width]);
    match border {
        Border::Reflect => moved,
        Border::Zero => moved * (is_inside(&y, height).logical_and(&is_inside(&x, width))).unsqueeze(1),
    }
}

/// For each map the column that the first column comes from, the step to the next one's, and the row that the first row
/// comes from: `[n, 3]`, i64, on the CPU.
pub(super) fn starts(maps: &[Map], size: ImageSize) -> Tensor {
    let numbers = maps.iter().flat_map(|map| {
        let Map { flip, crop, .. } = map;
        let (first, step) = if *flip { (size.width - 1 - crop.left, -1) } else { (crop.left, 1) };
        [first, step, crop.top]
    });
    Tensor::from_slice(&numbers.collect::<Vec<i64>>()).view([-1, 3])
}

/// Column `[n, 1, w]` and row `[n, h, 1]` that each pixel comes from, perhaps beyond the edge.
fn origins(starts: &Tensor, size: ImageSize) -> [Tensor; 2] {
    let numbers = starts.view([-1, 3, 1, 1]).unbind(1);
    let pixels = |side| Tensor::arange(side, (Kind::Int64, starts.device()));
    [&numbers[0] + &numbers[1] * pixels(size.width), &numbers[2] + pixels(size.height).view([-1, 1])]
}

/// `place` led back into the image: mirrored about the edges as often as it takes, or to the nearest pixel.
fn inside(place: &Tensor, side: i64, border: Border) -> Tensor {
    match border {
        Border::Reflect => {
            let place = place.remainder(2 * side);
            place.minimum(&(2 * side - 1 - &place))
        }
        Border::Zero => place.clamp(0, side - 1),
    }
}

fn is_inside(place: &Tensor, side: i64) -> Tensor {
    place.ge(0).logical_and(&place.lt(side))
}
