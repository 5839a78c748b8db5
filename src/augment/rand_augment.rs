//! RandAugment, for `--aa rand` with `--aa-ops` and `--aa-magnitude`.
//!
//! | | |
//! |---|---|
//! | What | Does `aa_ops` operations to each image, each drawn uniformly from the fourteen of TrivialAugment, all with the strength `aa_magnitude`, in a direction drawn at random. It comes on top of the other knobs. |
//! | When it helps | Longer runs on colour photos, where the strength can be tuned. Not where colour, brightness or pose identifies the class. |
//! | Costs | One resampling, shared with the other geometric knobs, and a pass over the images of each operation. |
//! | Usual values | 2 operations; magnitude 9 of 30 for small networks and short runs, up to 15 for large ones |
//! | Reference | Cubuk et al. 2020, "RandAugment: practical automated data augmentation with a reduced search space"; the operations and ranges of torchvision's `RandAugment`, except that shears are about the centre, that operations are done in the order of the pipeline (geometry, colours, tones; a tone drawn twice acts once), and that the border and the resampling are those of the other knobs. timm: `--aa rand-m9-n2`. |

use super::{
    AugmentDraws, ImageSize,
    operation::{self, Strength, Strongest},
};
use crate::recipe::{Aa, Recipe};

/// Adds the operations of the recipe, each drawn by its place in the list and its direction, to the changes of an image. So
/// many are drawn whatever the recipe says.
pub(super) fn draw(
    recipe: &Recipe,
    draws: &mut AugmentDraws,
    channels: i64,
    size: ImageSize,
    drawn: &[[f64; 2]; Aa::MOST_OPERATIONS as usize],
) {
    let strongest = Strongest {
        shear: 0.3,
        shift: operation::shift(size, 150.0 / 331.0, f64::INFINITY),
        angle: 30.0,
        factor: 0.9,
        kept: 8.0,
        bits: 4.0,
    };
    let share = recipe.aa_magnitude / Aa::FULL_MAGNITUDE;
    for [place, direction] in drawn.iter().take(recipe.aa_ops as usize) {
        let signed = if *direction < 0.5 { -share } else { share };
        operation::add(draws, channels, *place, Strength { signed, share }, &strongest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};

    const SIZE: ImageSize = ImageSize { height: 50, width: 40 };

    fn draws(recipe: &Recipe) -> Vec<AugmentDraws> {
        (0..2000).map(|id| AugmentDraws::new(recipe, 1, SIZE, &mut Stream::new(0, Purpose::Augment, 1, id))).collect()
    }

    #[test]
    fn all_operations_have_the_recipes_strength_in_both_directions() {
        let recipe = Recipe { aa: Aa::Rand, aa_ops: 1, aa_magnitude: 15.0, ..Recipe::default() };
        let draws = draws(&recipe);
        let mut angles: Vec<f64> = draws.iter().map(|draws| draws.map.angle).collect();
        angles.sort_by(f64::total_cmp);
        angles.dedup();
        assert_eq!(angles, [-15.0, 0.0, 15.0]);
        let across = draws.iter().map(|draws| draws.map.shift[0]).fold(0.0, f64::max);
        assert!((across - 0.5 * 150.0 / 331.0 * 40.0).abs() < 1e-12, "{across}");
        let kept: Vec<u32> = draws.iter().filter_map(|draws| draws.tone.posterize).collect();
        assert!(kept.len() > 100 && kept.iter().all(|bits| *bits == 6));
    }

    #[test]
    fn so_many_operations_as_the_recipe_says_are_done() {
        // Of thirteen operations on grey images one is nothing, and five undo themselves in the other direction: of 2,000 images
        // 154 stay with one operation, and 41 with two, that is 2,000 (1 + 5/2) / 13².
        for (ops, low, high) in [(1, 110, 200), (2, 15, 70)] {
            let recipe = Recipe { aa: Aa::Rand, aa_ops: ops, ..Recipe::default() };
            let unchanged = AugmentDraws { map: crate::augment::Map::identity(SIZE), ..draws(&Recipe::default())[0] };
            let count = draws(&recipe).iter().filter(|draws| **draws == unchanged).count();
            assert!((low..high).contains(&count), "{ops} operations leave {count} images as they are");
        }
    }
}
