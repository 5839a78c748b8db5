//! The size of the training images over a run, for `--progressive SIDE`.
//!
//! | | |
//! |---|---|
//! | What | The first epoch trains on images of SIDE pixels a side, or of SIDE times the full side where it is below 1; the side grows in equal steps to the full one, which the last fifth of the run trains on. Probe and val are always measured at full size. |
//! | When it helps | When time is short: early epochs learn coarse shapes, which small images show as well. Small images regularise a little too. |
//! | Costs | Less than nothing: an epoch at half the side takes a quarter of the time. A run that is extended grows over its new length: it continues with smaller images than it ended with. |
//! | Usual values | 0.5 to 0.75 of the full side. |
//! | Reference | Howard 2018 (DAWNBench, fast.ai); Tan and Le 2021, "EfficientNetV2: smaller models and faster training"; MosaicML's Composer, progressive resizing. |

use super::Recipe;

/// Share of the run after which images have their full size.
const GROWN: f64 = 0.8;
/// Sides are multiples of this, so that strides divide them.
const STEP: f64 = 4.0;

/// Side of the training images in `epoch` (from 1) of `recipe`, whose full side is `size` pixels.
pub fn size_at(recipe: &Recipe, epoch: u32, size: u32) -> u32 {
    let first = first_side(recipe, size);
    // The last epoch of a short run too.
    if first >= size || epoch >= recipe.epochs {
        return size;
    }
    let grown = (GROWN * f64::from(recipe.epochs)).max(1.0);
    let share = (f64::from(epoch.saturating_sub(1)) / grown).min(1.0);
    let side = f64::from(first) + share * f64::from(size - first);
    // Both ends are exact, whatever they can be divided by.
    if share == 0.0 || share == 1.0 { side as u32 } else { (in_steps(side) as u32).clamp(first, size) }
}

/// Side of the training images in the first epoch, where the full side is `size` pixels: the full side where the knob is off.
pub fn first_side(recipe: &Recipe, size: u32) -> u32 {
    match recipe.progressive {
        0.0 => size,
        share if share < 1.0 => in_steps(share * f64::from(size)).max(STEP) as u32,
        pixels => pixels as u32,
    }
}

fn in_steps(side: f64) -> f64 {
    (side / STEP).round() * STEP
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(progressive: f64, epochs: u32, size: u32) -> Vec<u32> {
        let recipe = Recipe { progressive, epochs, ..Recipe::default() };
        (1..=epochs).map(|epoch| size_at(&recipe, epoch, size)).collect()
    }

    #[test]
    fn images_grow_in_steps_and_the_last_fifth_of_a_run_has_their_full_size() {
        assert_eq!(sizes(24.0, 10, 48), [24, 28, 32, 32, 36, 40, 44, 44, 48, 48]);
        assert_eq!(sizes(30.0, 5, 45), [30, 32, 36, 40, 45]);
        assert_eq!((sizes(0.667, 3, 48), sizes(0.667, 1, 48)), (vec![32, 40, 48], vec![48]));
    }

    #[test]
    fn a_share_of_the_side_suits_images_of_every_size() {
        let first = |progressive, size| first_side(&Recipe { progressive, ..Recipe::default() }, size);
        assert_eq!([28, 32, 48, 96, 224].map(|size| first(0.667, size)), [20, 20, 32, 64, 148]);
        assert_eq!(sizes(0.667, 5, 48), sizes(32.0, 5, 48));
        assert_eq!((first(0.01, 48), first(0.99, 6)), (4, 4));
    }

    #[test]
    fn off_is_the_full_size_throughout() {
        assert_eq!(sizes(0.0, 3, 48), [48; 3]);
        assert_eq!(sizes(48.0, 3, 48), [48; 3]);
    }
}
