//! A window of each training image, for `--train-crop SIDE`.
//!
//! | | |
//! |---|---|
//! | What | The network is trained on a square window of SIDE pixels a side, or of SIDE times the full side where it is below 1, at a random place of each augmented image. Nothing is enlarged, so that subjects keep their size. Probe and val are always measured on whole images. |
//! | When it helps | Small images whose subject fills them: a shift that needs no border, and less to compute. `--tta ten-crop` averages windows of seven eighths of the side. |
//! | Costs | Less than nothing: at seven eighths of the side an epoch takes three quarters of the time. Too small a window cuts the subject off. |
//! | Usual values | 0.8 to 0.95 of the side; 42 to 44 of FER2013's 48 pixels. |
//! | Reference | Krizhevsky et al. 2012, "ImageNet classification with deep convolutional neural networks", section 4.1; Touvron et al. 2019, "Fixing the train-test resolution discrepancy". |

use super::Recipe;

/// Side of the windows in pixels, where the full side is `size` pixels: the full side where the knob is off.
pub fn side(recipe: &Recipe, size: u32) -> u32 {
    match recipe.train_crop {
        0.0 => size,
        share if share < 1.0 => (share * f64::from(size)).round().max(1.0) as u32,
        pixels => pixels as u32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_is_given_in_pixels_or_as_a_share() {
        let of = |train_crop, size| side(&Recipe { train_crop, ..Recipe::default() }, size);
        assert_eq!((of(0.0, 48), of(44.0, 48), of(0.875, 48), of(0.875, 224), of(0.001, 48)), (48, 44, 42, 196, 1));
    }
}
