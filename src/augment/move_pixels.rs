//! Mirroring and shifting by whole pixels. There is no interpolation: each pixel keeps its value.

use tch::{Kind, Tensor};

use super::{ImageSize, Map};
use crate::{recipe::Border, torch};

/// Mirrors and crops each of the images `[n, c, h, w]`, of any kind, by its map. The maps neither rotate nor scale. The
/// border has the meaning that it has in [`super::resample()`].
pub fn move_pixels(images: &Tensor, maps: &[Map], border: Border) -> Tensor {
    move_by(images, &torch::sent(&starts(maps, ImageSize::of(images)), images.device()), border)
}

/// [`move_pixels`] with the [`starts`] of the maps on the images' device.
pub(super) fn move_by(images: &Tensor, starts: &Tensor, border: Border) -> Tensor {
    let (n, c, height, width) = images.size4().expect("images are [n, c, h, w]");
    let [x, y] = sources(starts, ImageSize { height, width });
    let index = (inside(&y, height, border) * width + inside(&x, width, border)).view([n, 1, height * width]);
    let moved =
        images.reshape([n, c, -1]).gather(2, &index.expand([n, c, -1], false), false).view([n, c, height, width]);
    match border {
        Border::Reflect => moved,
        Border::Zero => moved * (is_inside(&y, height).logical_and(&is_inside(&x, width))).unsqueeze(1),
    }
}

/// For each map, the source of the first column and the step to the source of the next column, and likewise of the rows:
/// `[n, 4]`, i64, on the CPU.
pub(super) fn starts(maps: &[Map], size: ImageSize) -> Tensor {
    let numbers = maps.iter().flat_map(|map| {
        let axis = |flip, first, side| if flip { [side - 1 - first, -1] } else { [first, 1] };
        let [left, across] = axis(map.flip, map.crop.left, size.width);
        let [top, down] = axis(map.vflip, map.crop.top, size.height);
        [left, across, top, down]
    });
    Tensor::from_slice(&numbers.collect::<Vec<i64>>()).view([-1, 4])
}

/// Source column `[n, 1, w]` and source row `[n, h, 1]` of each pixel, possibly beyond the edge.
fn sources(starts: &Tensor, size: ImageSize) -> [Tensor; 2] {
    let numbers = starts.view([-1, 4, 1, 1]).unbind(1);
    let pixels = |side| Tensor::arange(side, (Kind::Int64, starts.device()));
    [&numbers[0] + &numbers[1] * pixels(size.width), &numbers[2] + &numbers[3] * pixels(size.height).view([-1, 1])]
}

/// Moves `place` back into the image: mirrored about the edges as often as necessary, or clamped to the nearest pixel.
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
