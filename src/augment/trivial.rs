//! TrivialAugment, for `--aa trivial`.
//!
//! | | |
//! |---|---|
//! | What | Does one of fourteen operations to each image, drawn uniformly, at a strength drawn uniformly on a wide range: nothing, shear or shift in x or in y, rotation, brightness, contrast, saturation (RGB), sharpness, posterize, solarize, autocontrast or equalize. It comes on top of the other knobs. |
//! | When it helps | Where there is no time to tune strengths: it has none. Longer runs. |
//! | Costs | One resampling, shared with the other geometric knobs, and a pass over the images of each operation. Strong: short runs under-fit. |
//! | Usual values | none or trivial |
//! | Reference | Müller and Hutter 2021, "TrivialAugment: tuning-free yet state-of-the-art data augmentation"; the operations and the "wide" ranges of torchvision's `TrivialAugmentWide`, except that strengths have no steps, shears are about the centre, a shift ends at half the side, and the border and the resampling are those of the other knobs. |

use super::{
    AugmentDraws, ImageSize,
    operation::{self, Strength, Strongest},
};

/// Adds one operation, drawn by its place in the list and its strength, to the changes of an image.
pub(super) fn draw(draws: &mut AugmentDraws, channels: i64, size: ImageSize, [place, strength]: [f64; 2]) {
    let strongest = Strongest {
        shear: 0.99,
        shift: operation::shift(size, 0.5, 32.0),
        angle: 135.0,
        factor: 0.99,
        kept: 8.0,
        bits: 6.0,
    };
    let strength = Strength { signed: 2.0 * strength - 1.0, share: strength };
    operation::add(draws, channels, place, strength, &strongest);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        random::{Purpose, Stream},
        recipe::{Aa, Recipe},
    };

    const SIZE: ImageSize = ImageSize { height: 48, width: 48 };

    /// Number of 14,000 images that undergo each operation, nothing first.
    fn counts(channels: i64) -> [u32; 14] {
        let recipe = Recipe { aa: Aa::Trivial, ..Recipe::default() };
        let mut counts = [0; 14];
        for id in 0..14_000 {
            let AugmentDraws { map, colour, tone, blur, erase, window } =
                AugmentDraws::new(&recipe, channels, SIZE, &mut Stream::new(0, Purpose::Augment, 1, id));
            assert!(map.angle.abs() <= 135.0 && map.shift[0].abs() <= 24.0 && map.shear[1].abs() <= 0.99);
            assert!(tone.posterize.is_none_or(|bits| (2..=8).contains(&bits)));
            assert!(blur == 0.0 && erase.is_none() && map.zoom == 1.0 && window == [0, 0]);
            let changed = [
                map.shear[0] != 0.0,
                map.shear[1] != 0.0,
                map.shift[0] != 0.0,
                map.shift[1] != 0.0,
                map.angle != 0.0,
                colour.brightness != 1.0,
                colour.contrast != 1.0,
                tone.sharpness != 1.0,
                tone.posterize.is_some(),
                tone.solarize.is_some(),
                tone.autocontrast,
                tone.equalize,
                colour.saturation != 1.0,
            ];
            assert!(changed.iter().filter(|changed| **changed).count() <= 1, "one operation to each image");
            counts[changed.iter().position(|changed| *changed).map_or(0, |place| place + 1)] += 1;
        }
        counts
    }

    #[test]
    fn all_operations_are_equally_likely_and_grey_images_have_no_saturation() {
        // Five standard deviations are 152.
        assert!(counts(3).iter().all(|count| count.abs_diff(1000) < 152), "{:?}", counts(3));
        let [grey @ .., saturation] = counts(1);
        assert!(grey.iter().all(|count| count.abs_diff(1077) < 158), "{grey:?}");
        assert_eq!(saturation, 0);
    }
}
