//! Random resized crops, for `--scale` and `--ratio`.
//!
//! | | |
//! |---|---|
//! | What | Cuts out a rectangle of random area, shape and place, and enlarges it to the full size. |
//! | When it helps | The strongest geometric knob: it shows parts of the subject at many sizes. Long runs on large images. |
//! | Costs | One bilinear resampling, shared with rotation. A share far below 1 cuts small subjects off and needs longer training. |
//! | Usual values | scale 0.08 1 for ImageNet, 0.35 1 for short runs, 0.6 1 for centred subjects; ratio 0.75 1.33 |
//! | Reference | Szegedy et al. 2015, "Going deeper with convolutions"; torchvision's `RandomResizedCrop`, whose draws these are: area uniform, logarithm of the ratio uniform, ten tries, then the middle. |

use super::{ImageSize, Rect};
use crate::recipe::Recipe;

/// Draws the rectangle to cut out of an image; the whole image while the knob is off.
pub(super) fn draw(recipe: &Recipe, size: ImageSize, tries: [[f64; 4]; 10]) -> Rect {
    if recipe.scale == [1.0, 1.0] {
        return Rect::whole(size);
    }
    Rect::first_that_fits(size, recipe.scale, recipe.ratio, tries).unwrap_or_else(|| middle(recipe.ratio, size))
}

/// The largest rectangle in the middle of an image with a ratio within `ratio`.
fn middle([narrowest, widest]: [f64; 2], size: ImageSize) -> Rect {
    let ratio = size.width as f64 / size.height as f64;
    let height = if ratio < narrowest { (size.width as f64 / narrowest).round() as i64 } else { size.height };
    let width = if ratio > widest { (size.height as f64 * widest).round() as i64 } else { size.width };
    Rect { left: (size.width - width) / 2, top: (size.height - height) / 2, width, height }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};

    #[test]
    fn crops_lie_within_the_image_with_the_requested_area_and_ratio() {
        let recipe = Recipe { scale: [0.3, 0.6], ..Recipe::default() };
        let mut sum = 0.0;
        for id in 0..2000 {
            let mut stream = Stream::new(0, Purpose::Augment, 1, id);
            let tries = std::array::from_fn(|_| std::array::from_fn(|_| stream.uniform()));
            let crop = draw(&recipe, ImageSize { height: 100, width: 100 }, tries);
            let area = (crop.width * crop.height) as f64 / 1e4;
            assert!(crop.left >= 0 && crop.top >= 0);
            assert!(crop.left + crop.width <= 100 && crop.top + crop.height <= 100);
            assert!((0.29..0.61).contains(&area), "{crop:?}");
            assert!((0.73..1.36).contains(&(crop.width as f64 / crop.height as f64)), "{crop:?}");
            sum += area;
        }
        // The standard error of the mean is 0.002.
        assert!((sum / 2000.0 - 0.45).abs() < 0.01);
    }

    #[test]
    fn a_crop_has_the_area_and_ratio_of_the_recipe_and_lies_in_the_middle_if_none_fits() {
        let size = ImageSize { height: 10, width: 10 };
        let crop = |scale, ratio| draw(&Recipe { scale, ratio, ..Recipe::default() }, size, [[0.5; 4]; 10]);
        assert_eq!(crop([0.3, 0.34], [2.0, 2.0]), Rect { left: 1, top: 3, width: 8, height: 4 });
        assert_eq!(crop([0.9, 1.0], [2.0, 2.0]), Rect { left: 0, top: 2, width: 10, height: 5 });
    }
}
