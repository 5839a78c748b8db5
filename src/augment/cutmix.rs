//! CutMix, for `--cutmix ALPHA`.
//!
//! | | |
//! |---|---|
//! | What | A rectangle of each training image is replaced by the same rectangle of another one of its batch; the target is blended by area. The area is drawn from Beta(ALPHA, ALPHA), once a batch, the place of its centre uniformly. |
//! | When it helps | Where mixup helps, and where blended images look too unnatural: every pixel belongs to a real image, and the network learns from parts. |
//! | Costs | Nothing measurable in time. Short runs and small networks get worse; a class that shows in one small place may be cut away. |
//! | Usual values | ALPHA 1. With mixup too, `--mixup-switch-prob` says how often it is CutMix. |
//! | Reference | Yun et al. 2019, "CutMix: regularization strategy to train strong classifiers with localizable features". |

use tch::Tensor;

use super::{ImageSize, Rect};
use crate::torch;

impl Rect {
    /// The rectangle around `centre` (down and across, as shares of the image, [0, 1)) that covers `1 − share` of an image of
    /// `size` and has the image's proportions, clipped at the edges. It may be empty.
    pub fn around(centre: [f64; 2], share: f64, size: ImageSize) -> Self {
        let extent = |length: i64, centre: f64| {
            let half = length as f64 * (1.0 - share).sqrt() / 2.0;
            let middle = centre * length as f64;
            let clip = |edge: f64| (edge.round() as i64).clamp(0, length);
            (clip(middle - half), clip(middle + half))
        };
        let ((top, bottom), (left, right)) = (extent(size.height, centre[0]), extent(size.width, centre[1]));
        Self { left, top, width: right - left, height: bottom - top }
    }
}

/// Share of an image of `size` outside `rect`, which the image keeps.
pub fn share_kept(rect: Rect, size: ImageSize) -> f64 {
    1.0 - (rect.height * rect.width) as f64 / (size.height * size.width) as f64
}

/// Replaces the pixels within `rect` of each of the images `[n, c, h, w]` by those of its partner, whose index is in
/// `partner` `[n]` (i64).
pub fn cutmix(images: &Tensor, rect: Rect, partner: &Tensor) -> Tensor {
    let edges = torch::sent(&Rect::edges(&[Some(rect)]), images.device());
    let mask = Rect::mask(&edges, ImageSize::of(images));
    images.index_select(0, partner).where_self(&mask, images)
}

#[cfg(test)]
mod tests {
    use tch::Kind;

    use super::*;

    #[test]
    fn the_rectangle_has_its_area_and_is_clipped_at_the_edges() {
        let size = ImageSize { height: 8, width: 12 };
        let whole = Rect::around([0.5, 0.5], 0.75, size);
        assert_eq!(whole, Rect { top: 2, height: 4, left: 3, width: 6 });
        assert_eq!(share_kept(whole, size), 0.75);
        let corner = Rect::around([0.0, 0.0], 0.75, size);
        assert_eq!(corner, Rect { top: 0, height: 2, left: 0, width: 3 });
        assert_eq!(share_kept(corner, size), 0.9375);
        assert_eq!(share_kept(Rect::around([0.3, 0.6], 1.0, size), size), 1.0);
    }

    #[test]
    fn only_the_rectangle_comes_from_the_partner() {
        let images = Tensor::arange(18, (Kind::Float, tch::Device::Cpu)).view([2, 1, 3, 3]);
        let rect = Rect { top: 1, height: 2, left: 0, width: 2 };
        let mixed = cutmix(&images, rect, &Tensor::from_slice(&[1i64, 0]));
        let first = [0f32, 1.0, 2.0, 12.0, 13.0, 5.0, 15.0, 16.0, 8.0];
        assert_eq!(mixed.get(0).view(-1), Tensor::from_slice(&first));
        let second = [9f32, 10.0, 11.0, 3.0, 4.0, 14.0, 6.0, 7.0, 17.0];
        assert_eq!(mixed.get(1).view(-1), Tensor::from_slice(&second));
    }
}
