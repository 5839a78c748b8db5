//! CutMix, for `--cutmix ALPHA`.
//!
//! | | |
//! |---|---|
//! | What | A rectangle of each training image is replaced by the same rectangle of another one of its batch; the target is blended by area. The area is drawn from Beta(ALPHA, ALPHA), once a batch, the place of its centre uniformly. |
//! | When it helps | As mixup, and where mixup's ghosts look too unlike images: every pixel is one of a real image, and the network learns from parts. |
//! | Costs | Nothing measurable in time. Short runs and small networks get worse; a class that shows in one small place may be cut away. |
//! | Usual values | ALPHA 1. With mixup too, `--mixup-switch-prob` says how often it is CutMix. |
//! | Reference | Yun et al. 2019, "CutMix: regularization strategy to train strong classifiers with localizable features". |

use tch::{Kind, Tensor};

/// Rows `top..bottom` and columns `left..right` of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rectangle {
    /// First row.
    pub top: i64,
    /// Row after the last.
    pub bottom: i64,
    /// First column.
    pub left: i64,
    /// Column after the last.
    pub right: i64,
}

impl Rectangle {
    /// The rectangle around `centre` (down and across, in shares of the image, [0, 1)) that takes `1 − share` of an image of
    /// `height` × `width` and has its shape, cut off at its edges.
    pub fn around(centre: [f64; 2], share: f64, [height, width]: [i64; 2]) -> Self {
        let extent = |length: i64, centre: f64| {
            let half = length as f64 * (1.0 - share).sqrt() / 2.0;
            let middle = centre * length as f64;
            let clip = |edge: f64| (edge.round() as i64).clamp(0, length);
            (clip(middle - half), clip(middle + half))
        };
        let ((top, bottom), (left, right)) = (extent(height, centre[0]), extent(width, centre[1]));
        Self { top, bottom, left, right }
    }

    /// Share of an image of `height` × `width` that lies outside: what the image keeps of itself.
    pub fn share_kept(&self, [height, width]: [i64; 2]) -> f64 {
        1.0 - ((self.bottom - self.top) * (self.right - self.left)) as f64 / (height * width) as f64
    }
}

/// Images `[n, c, h, w]` whose rectangle is that of the image that `partner` `[n]` (i64) names.
pub fn cutmix(images: &Tensor, rectangle: Rectangle, partner: &Tensor) -> Tensor {
    let Rectangle { top, bottom, left, right } = rectangle;
    let size = images.size();
    let inside = |length: i64, first: i64, last: i64| {
        let place = Tensor::arange(length, (Kind::Int64, images.device()));
        place.ge(first).logical_and(&place.lt(last))
    };
    let rows = inside(size[2], top, bottom).view([1, 1, -1, 1]);
    let columns = inside(size[3], left, right).view([1, 1, 1, -1]);
    images.index_select(0, partner).where_self(&rows.logical_and(&columns), images)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rectangle_has_its_area_and_is_cut_off_at_the_edges() {
        let whole = Rectangle::around([0.5, 0.5], 0.75, [8, 12]);
        assert_eq!(whole, Rectangle { top: 2, bottom: 6, left: 3, right: 9 });
        assert_eq!(whole.share_kept([8, 12]), 0.75);
        let corner = Rectangle::around([0.0, 0.0], 0.75, [8, 12]);
        assert_eq!(corner, Rectangle { top: 0, bottom: 2, left: 0, right: 3 });
        assert_eq!(corner.share_kept([8, 12]), 0.9375);
        assert_eq!(Rectangle::around([0.3, 0.6], 1.0, [8, 12]).share_kept([8, 12]), 1.0);
    }

    #[test]
    fn only_the_rectangle_is_the_partners() {
        let images = Tensor::arange(18, (Kind::Float, tch::Device::Cpu)).view([2, 1, 3, 3]);
        let rectangle = Rectangle { top: 1, bottom: 3, left: 0, right: 2 };
        let mixed = cutmix(&images, rectangle, &Tensor::from_slice(&[1i64, 0]));
        let first = [0f32, 1.0, 2.0, 12.0, 13.0, 5.0, 15.0, 16.0, 8.0];
        assert_eq!(mixed.get(0).view(-1), Tensor::from_slice(&first));
        let second = [9f32, 10.0, 11.0, 3.0, 4.0, 14.0, 6.0, 7.0, 17.0];
        assert_eq!(mixed.get(1).view(-1), Tensor::from_slice(&second));
    }
}
