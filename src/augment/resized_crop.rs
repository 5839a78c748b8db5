//! Random resized crops, for `--scale` and `--ratio`.
//!
//! | | |
//! |---|---|
//! | What | Cuts out a rectangle of random area, shape and place, and enlarges it to the full size. |
//! | When it helps | The strongest geometric knob: it shows parts of the subject at many sizes. Long runs on large images. |
//! | Costs | One bilinear resampling, shared with rotation. A share far below 1 cuts small subjects off and needs longer training. |
//! | Usual values | scale 0.08 1 for ImageNet, 0.35 1 for short runs, 0.6 1 for centred subjects; ratio 0.75 1.33 |
//! | Reference | Szegedy et al. 2015, "Going deeper with convolutions"; torchvision's `RandomResizedCrop`, whose draws these are: area uniform, logarithm of the ratio uniform, ten tries, then the middle. |

use super::{Rect, Size};
use crate::recipe::Recipe;

/// Numbers of one try: area, ratio, place.
type Try = [f64; 4];

/// The rectangle that is cut out of an image; all of it while the knob is off.
pub(super) fn draw(recipe: &Recipe, size: Size, tries: [Try; 10]) -> Rect {
    if recipe.scale == [1.0, 1.0] {
        return Rect::whole(size);
    }
    let [smallest, largest] = recipe.scale;
    let [narrowest, widest] = recipe.ratio.map(f64::ln);
    let pixels = (size.height * size.width) as f64;
    let attempt = |[area, ratio, x, y]: Try| {
        let area = pixels * (smallest + (largest - smallest) * area);
        let ratio = (narrowest + (widest - narrowest) * ratio).exp();
        Rect::placed(size, area, ratio, [x, y])
    };
    tries.into_iter().find_map(attempt).unwrap_or_else(|| middle(recipe.ratio, size))
}

/// The largest rectangle in the middle of an image whose ratio lies within `ratio`.
fn middle([narrowest, widest]: [f64; 2], size: Size) -> Rect {
    let ratio = size.width as f64 / size.height as f64;
    let height = if ratio < narrowest { (size.width as f64 / narrowest).round() as i64 } else { size.height };
    let width = if ratio > widest { (size.height as f64 * widest).round() as i64 } else { size.width };
    Rect { left: (size.width - width) / 2, top: (size.height - height) / 2, width, height }
}
