//! Random erasing, for `--reprob`.
//!
//! | | |
//! |---|---|
//! | What | Covers a rectangle of 2 to 33 % of an image with the mean colour of the training images, with the given probability. |
//! | When it helps | Subjects that may be partly hidden; networks that rely on one part of the subject. |
//! | Costs | One pass over the batch. On small subjects it may cover everything that identifies the class. |
//! | Usual values | 0.25; 0.1 for small images |
//! | Reference | Zhong et al. 2020, "Random erasing data augmentation"; ranges as in torchvision's `RandomErasing`, name of the flag as in timm. |

use tch::Tensor;

use super::{ImageSize, Rect};
use crate::recipe::Recipe;

/// Smallest and largest share of the image's area.
const AREA: [f64; 2] = [0.02, 0.33];
/// Narrowest and widest ratio of width to height; its logarithm is uniform.
const RATIO: [f64; 2] = [0.3, 1.0 / 0.3];

/// Draws the rectangle to erase, if the image is erased: the first of `tries` that fits.
pub(super) fn draw(recipe: &Recipe, size: ImageSize, [chance]: [f64; 1], tries: [[f64; 4]; 10]) -> Option<Rect> {
    if chance < recipe.reprob { Rect::first_that_fits(size, AREA, RATIO, tries) } else { None }
}

/// Sets the pixels within the [`Rect::edges`] of each of the normalised images `[n, c, h, w]` to 0, the mean colour.
pub(super) fn erase(mut images: Tensor, edges: &Tensor) -> Tensor {
    let mask = Rect::mask(edges, ImageSize::of(&images));
    images.masked_fill_(&mask, 0.0)
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;
    use crate::random::{Purpose, Stream};

    #[test]
    fn erased_areas_are_uniform_between_the_smallest_and_the_largest() {
        let recipe = Recipe { reprob: 1.0, ..Recipe::default() };
        let mut areas = Vec::new();
        for id in 0..4000 {
            let mut stream = Stream::new(0, Purpose::Augment, 1, id);
            let erases = [stream.uniform()];
            let tries = std::array::from_fn(|_| std::array::from_fn(|_| stream.uniform()));
            let rect = draw(&recipe, ImageSize { height: 200, width: 200 }, erases, tries).unwrap();
            areas.push((rect.width * rect.height) as f64 / 40_000.0);
        }
        areas.sort_by(f64::total_cmp);
        assert!(areas[0] > 0.019 && areas[3999] < 0.335);
        // The largest rectangles fit in fewer proportions, so that they are slightly rarer.
        for (index, share) in [(1000, 0.25), (2000, 0.5), (3000, 0.75)] {
            let even = AREA[0] + (AREA[1] - AREA[0]) * share;
            assert!((areas[index] - even).abs() < 0.015, "{} at {share}, {even} expected", areas[index]);
        }
    }

    #[test]
    fn exactly_the_rectangle_becomes_zero() {
        let images = Tensor::ones([2, 3, 4, 5], (Kind::Float, Device::Cpu));
        let edges = Rect::edges(&[Some(Rect { left: 1, top: 2, width: 3, height: 2 }), None]);
        let erased = erase(images, &edges);
        let row = |values: [f32; 5]| Tensor::from_slice(&values);
        let (plain, holed) = (row([1.0; 5]), row([1.0, 0.0, 0.0, 0.0, 1.0]));
        let expected = Tensor::stack(&[&plain, &plain, &holed, &holed], 0).expand([3, 4, 5], false);
        assert!(erased.select(0, 0).equal(&expected));
        assert!(erased.select(0, 1).equal(&Tensor::ones([3, 4, 5], (Kind::Float, Device::Cpu))));
    }
}
