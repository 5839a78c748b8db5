//! TrivialAugment, for `--aa trivial`.
//!
//! | | |
//! |---|---|
//! | What | Does one operation to each image, drawn uniformly, at a strength drawn uniformly on a wide range: nothing, rotation, shift in x or in y, zoom, brightness, contrast, saturation (RGB) or blur. It comes on top of the other knobs. |
//! | When it helps | Where there is no time to tune strengths: it has none. Longer runs. |
//! | Costs | One resampling, shared with the other geometric knobs. Strong: short runs under-fit. |
//! | Usual values | none or trivial |
//! | Reference | Müller and Hutter 2021, "TrivialAugment: tuning-free yet state-of-the-art data augmentation". The operations are mindgap's own knobs rather than the paper's 14. Rotation, shift, brightness, contrast and saturation have the paper's "wide" ranges, except that a shift ends at half the side. |

use super::{ColourFactors, ImageSize, Map, blur};
use crate::stats::hypotenuse;

/// Largest rotation in degrees, in either direction.
const TURN: f64 = 135.0;
/// Largest shift in each direction, in pixels.
const SHIFT: f64 = 32.0;
/// Largest magnification; the inverse is the smallest.
const ZOOM: f64 = 2.0;
/// Largest change of a colour factor.
const COLOUR: f64 = 0.99;

/// Number of operations on grey images; RGB images have one more.
const GREY_OPERATIONS: f64 = 8.0;

/// Adds one operation to the geometry `map`, the factors `colour` and the standard deviation `blur`: angles and shifts add
/// up, zooms and factors multiply, blurs add their variances.
pub(super) fn draw(
    map: &mut Map,
    colour: &mut ColourFactors,
    blur: &mut f64,
    channels: i64,
    size: ImageSize,
    [operation, strength]: [f64; 2],
) {
    let operations = if channels == 3 { GREY_OPERATIONS + 1.0 } else { GREY_OPERATIONS };
    let signed = 2.0 * strength - 1.0;
    let shift = |side: i64| signed * SHIFT.min(side as f64 / 2.0);
    match (operation * operations) as u32 {
        0 => {}
        1 => map.angle += signed * TURN,
        2 => map.shift[0] += shift(size.width),
        3 => map.shift[1] += shift(size.height),
        4 => map.zoom *= ZOOM.powf(signed),
        5 => colour.brightness *= 1.0 + signed * COLOUR,
        6 => colour.contrast *= 1.0 + signed * COLOUR,
        7 => *blur = hypotenuse(*blur, blur::sigma(size, strength)),
        _ => colour.saturation *= 1.0 + signed * COLOUR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::AugmentDraws;
    use crate::{
        random::{Purpose, Stream},
        recipe::{Aa, Recipe},
    };

    const SIZE: ImageSize = ImageSize { height: 48, width: 48 };

    /// Number of 9,000 images that undergo each operation: nothing, rotation, shifts, zoom, brightness, contrast, blur,
    /// saturation.
    fn counts(channels: i64) -> [u32; 9] {
        let recipe = Recipe { aa: Aa::Trivial, ..Recipe::default() };
        let mut counts = [0; 9];
        for id in 0..9000 {
            let AugmentDraws { map, colour, blur, erase } =
                AugmentDraws::new(&recipe, channels, SIZE, &mut Stream::new(0, Purpose::Augment, 1, id));
            assert!(map.angle.abs() <= 135.0 && map.shift[0].abs() <= 24.0 && (0.5..=2.0).contains(&map.zoom));
            assert_eq!(erase, None);
            let changed = [
                map.angle != 0.0,
                map.shift[0] != 0.0,
                map.shift[1] != 0.0,
                map.zoom != 1.0,
                colour.brightness != 1.0,
                colour.contrast != 1.0,
                blur > 0.0,
                colour.saturation != 1.0,
            ];
            assert!(changed.iter().filter(|changed| **changed).count() <= 1, "one operation to each image");
            counts[changed.iter().position(|changed| *changed).map_or(0, |place| place + 1)] += 1;
        }
        counts
    }

    #[test]
    fn all_operations_are_equally_likely_and_grey_images_have_no_saturation() {
        // Five standard deviations are 150.
        assert!(counts(3).iter().all(|count| count.abs_diff(1000) < 150), "{:?}", counts(3));
        let [grey @ .., saturation] = counts(1);
        assert!(grey.iter().all(|count| count.abs_diff(1125) < 160), "{grey:?}");
        assert_eq!(saturation, 0);
    }
}
