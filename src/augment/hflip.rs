//! Mirroring, for `--hflip`.
//!
//! | | |
//! |---|---|
//! | What | Mirrors an image left to right with the given probability. |
//! | When it helps | Wherever the mirrored image is another image of the same class: faces, animals, most photographs. Not for text, digits, road signs. |
//! | Costs | Next to nothing. |
//! | Usual values | 0.5 |
//! | Reference | Krizhevsky et al. 2012, "ImageNet classification with deep convolutional neural networks". |

use crate::recipe::Recipe;

/// Draws whether an image is mirrored.
pub(super) fn draw(recipe: &Recipe, [chance]: [f64; 1]) -> bool {
    chance < recipe.hflip
}
