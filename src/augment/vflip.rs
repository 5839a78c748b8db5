//! Mirroring top to bottom, for `--vflip`.
//!
//! | | |
//! |---|---|
//! | What | Turns an image upside down, as in a mirror that lies on the ground, with the given probability. |
//! | When it helps | Where no direction is up: images from above (satellites, microscopes, skin, parts on a belt). Not for faces, streets, text. |
//! | Costs | Next to nothing. |
//! | Usual values | 0.5 |
//! | Reference | torchvision's `RandomVerticalFlip`; Cireşan et al. 2013, "Mitosis detection in breast cancer histology images with deep neural networks". |

use crate::recipe::Recipe;

/// Draws whether an image is mirrored top to bottom.
pub(super) fn draw(recipe: &Recipe, [chance]: [f64; 1]) -> bool {
    chance < recipe.vflip
}
