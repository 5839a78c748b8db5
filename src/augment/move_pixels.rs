//! Mirroring and shifting by whole pixels, without interpolation: each pixel keeps its value.

use tch::{Device, Kind, Tensor};

use super::{Map, Size};
use crate::{recipe::Border, torch};

/// Images `[n, c, h, w]` of any kind, each mirrored and cropped as its map says. The maps neither turn nor scale.
///
/// The border is that of [`super::resample()`].
pub fn move_pixels(images: &Tensor, maps: &[Map], border: Border) -> Tensor {
    let (n, c, height, width) = images.size4().expect("images are [n, c, h, w]");
    let [x, y] = origins(maps, Size { height, width }, images.device());
    let index = (inside(&y, height, border) * width + inside(&x, width, border)).view([n, 1, height * width]);
    let moved =
        images.reshape([n, c, -1]).gather(2, &index.expand([n, c, -1], false), false).view([n, c, height, width]);
    match border {
        Border::Reflect => moved,
        Border::Zero => moved * (is_inside(&y, height).logical_and(&is_inside(&x, width))).unsqueeze(1),
    }
}

/// Column `[n, 1, w]` and row `[n, h, 1]` that each pixel comes from, perhaps beyond the edge.
fn origins(maps: &[Map], size: Size, device: Device) -> [Tensor; 2] {
    let numbers = maps.iter().flat_map(|map| {
        let Map { flip, crop, .. } = map;
        let (first, step) = if *flip { (size.width - 1 - crop.left, -1) } else { (crop.left, 1) };
        [first, step, crop.top]
    });
    let numbers = torch::sent(&Tensor::from_slice(&numbers.collect::<Vec<i64>>()).view([-1, 3, 1, 1]), device);
    let number = |index| numbers.select(1, index);
    let pixels = |side| Tensor::arange(side, (Kind::Int64, device));
    [number(0) + number(1) * pixels(size.width), number(2) + pixels(size.height).view([-1, 1])]
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
