//! The window of a training image that `train_crop` keeps.

use tch::Tensor;

use super::{ImageSize, Map, Rect, move_pixels};
use crate::recipe::{Border, Recipe, train_crop};

/// The place `[left, top]` of the window in an image of `size`, from two numbers in [0, 1).
pub(super) fn draw(recipe: &Recipe, size: ImageSize, place: [f64; 2]) -> [i64; 2] {
    if recipe.train_crop == 0.0 {
        return [0, 0];
    }
    let side = side(recipe, size);
    let [across, down] = place;
    [(size.width, across), (size.height, down)].map(|(full, place)| (place * (full - side + 1) as f64) as i64)
}

/// The side of the window in an image of `size` \[pixels\].
pub(super) fn side(recipe: &Recipe, size: ImageSize) -> i64 {
    i64::from(train_crop::side(recipe, size.shorter() as u32))
}

/// The places of a batch, as [`cut`] takes them.
pub(super) fn starts(places: &[[i64; 2]], size: ImageSize) -> Tensor {
    let map = |&[left, top]: &[i64; 2]| Map { crop: Rect { left, top, ..Rect::whole(size) }, ..Map::identity(size) };
    move_pixels::starts(&places.iter().map(map).collect::<Vec<_>>(), size)
}

/// Cuts the windows of `side` pixels at `starts` out of images `[n, c, h, w]`: `[n, c, side, side]`.
pub(super) fn cut(images: &Tensor, starts: &Tensor, side: i64) -> Tensor {
    // What lies beyond an edge is cut off again.
    move_pixels::move_by(images, starts, Border::Reflect).narrow(2, 0, side).narrow(3, 0, side).contiguous()
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    #[test]
    fn windows_are_cut_where_they_were_drawn() {
        let size = ImageSize { height: 6, width: 6 };
        let recipe = Recipe { train_crop: 4.0, ..Recipe::default() };
        let places = [[0.0, 0.0], [0.5, 0.999], [0.34, 0.0]].map(|place| draw(&recipe, size, place));
        assert_eq!(places, [[0, 0], [1, 2], [1, 0]]);
        let images = Tensor::arange(36, (Kind::Float, Device::Cpu)).view([1, 1, 6, 6]).expand([3, 1, 6, 6], false);
        let cut = cut(&images, &starts(&places, size), side(&recipe, size));
        assert_eq!(cut.size(), [3, 1, 4, 4]);
        for (number, [left, top]) in (0..).zip(places) {
            assert!(cut.get(number).equal(&images.get(number).narrow(1, top, 4).narrow(2, left, 4)), "window {number}");
        }
    }
}
