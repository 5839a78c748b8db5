//! Draws the random numbers that augment one image.

use super::{
    AugmentDraws, ImageSize, Map, Tone, blur, colour, crop_pad, erase, hflip, rand_augment, resized_crop,
    rotate_shift_zoom, trivial, vflip, window,
};
use crate::{
    random::Stream,
    recipe::{Aa, Recipe},
};

impl AugmentDraws {
    /// Draws the numbers for an image of `channels` and `size`.
    ///
    /// Each knob takes the same count of numbers from the stream, on or off: switching one on does not change the draws of
    /// the others. Recorded runs depend on the order; new knobs come last.
    pub fn new(recipe: &Recipe, channels: i64, size: ImageSize, stream: &mut Stream) -> Self {
        let flip = hflip::draw(recipe, uniforms(stream));
        let map = rotate_shift_zoom::draw(recipe, size, uniforms(stream), Map { flip, ..Map::identity(size) });
        let padded = uniforms(stream);
        let colour = colour::draw(recipe, uniforms(stream));
        let blur = blur::draw(recipe, size, uniforms(stream));
        let operation = uniforms(stream);
        let crop = resized_crop::draw(recipe, size, std::array::from_fn(|_| uniforms(stream)));
        let erase = erase::draw(recipe, size, uniforms(stream), std::array::from_fn(|_| uniforms(stream)));
        let vflip = vflip::draw(recipe, uniforms(stream));
        let map = Map { crop: crop_pad::draw(recipe, padded, crop), vflip, ..map };

        let operations = std::array::from_fn(|_| uniforms(stream));

        let window = window::draw(recipe, size, uniforms(stream));
        let mut draws = Self { map, colour, tone: Tone::IDENTITY, blur, erase, window };
        match recipe.aa {
            // AugMix leaves the image as it is and changes copies of it.
            Aa::None | Aa::AugMix => {}
            Aa::Trivial => trivial::draw(&mut draws, channels, size, operation),
            Aa::Rand => rand_augment::draw(recipe, &mut draws, channels, size, &operations),
        }
        draws
    }
}

/// Takes the next `N` numbers of a stream, in [0, 1).
fn uniforms<const N: usize>(stream: &mut Stream) -> [f64; N] {
    std::array::from_fn(|_| stream.uniform())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::{
        augment::{ColourFactors, Rect},
        random::Purpose,
    };

    const SIZE: ImageSize = ImageSize { height: 48, width: 48 };

    fn draw(recipe: &Recipe, seed: u64, epoch: u32, id: u32) -> AugmentDraws {
        AugmentDraws::new(recipe, 3, SIZE, &mut Stream::new(seed, Purpose::Augment, epoch, id))
    }

    /// A recipe with every image knob but an automatic policy.
    pub fn everything() -> Recipe {
        Recipe {
            hflip: 0.5,
            vflip: 0.5,
            rotate: 15.0,
            translate: 0.1,
            zoom: [0.9, 1.1],
            scale: [0.5, 1.0],
            crop_pad: 2,
            color_jitter: vec![0.4, 0.4, 0.4, 0.1],
            blur: 0.5,
            reprob: 0.5,
            train_crop: 40.0,
            ..Recipe::default()
        }
    }

    #[test]
    fn draws_are_a_function_of_seed_epoch_and_sample() {
        let first = draw(&everything(), 1, 2, 3);
        assert_eq!(first, draw(&everything(), 1, 2, 3));
        for other in [draw(&everything(), 9, 2, 3), draw(&everything(), 1, 9, 3), draw(&everything(), 1, 2, 9)] {
            assert_ne!(first, other);
        }
    }

    #[test]
    fn a_recipe_without_knobs_changes_nothing() {
        let nothing = AugmentDraws {
            map: Map::identity(SIZE),
            colour: ColourFactors::IDENTITY,
            tone: Tone::IDENTITY,
            blur: 0.0,
            erase: None,
            window: [0, 0],
        };
        assert!((0..100).all(|id| draw(&Recipe::default(), 0, 1, id) == nothing));
    }

    #[test]
    fn switching_one_knob_off_does_not_change_the_draws_of_the_others() {
        let (all, off) = (everything(), Recipe::default());
        for id in 0..100 {
            let full = draw(&all, 0, 1, id);
            let without = |recipe: Recipe| draw(&recipe, 0, 1, id);

            let changed = without(Recipe { hflip: off.hflip, rotate: off.rotate, ..all.clone() });
            assert_eq!(changed, AugmentDraws { map: Map { flip: false, angle: 0.0, ..full.map }, ..full });
            let changed = without(Recipe { scale: off.scale, crop_pad: off.crop_pad, ..all.clone() });
            assert_eq!(changed, AugmentDraws { map: Map { crop: Rect::whole(SIZE), ..full.map }, ..full });
            let changed = without(Recipe { color_jitter: vec![], blur: 0.0, ..all.clone() });
            assert_eq!(changed, AugmentDraws { colour: ColourFactors::IDENTITY, blur: 0.0, ..full });
            assert_eq!(without(Recipe { reprob: 0.0, ..all.clone() }), AugmentDraws { erase: None, ..full });
            let changed = without(Recipe { train_crop: 0.0, ..all.clone() });
            assert_eq!(changed, AugmentDraws { window: [0, 0], ..full });
            let changed = without(Recipe { vflip: 0.0, ..all.clone() });
            assert_eq!(changed, AugmentDraws { map: Map { vflip: false, ..full.map }, ..full });
        }
    }

    #[test]
    fn draws_cover_their_ranges_and_stay_within() {
        let recipe = everything();
        let draws: Vec<_> = (0..2000).map(|id| draw(&recipe, 0, 1, id)).collect();
        let spans = |number: &dyn Fn(&AugmentDraws) -> f64, low: f64, high: f64| {
            let numbers: Vec<f64> = draws.iter().map(number).collect();
            let (least, most) = numbers.iter().fold((f64::MAX, f64::MIN), |(l, m), n| (l.min(*n), m.max(*n)));
            let slack = 0.01 * (high - low);
            assert!(low <= least && least < low + slack && high - slack < most && most <= high, "{least} to {most}");
        };
        spans(&|draws| draws.map.angle, -15.0, 15.0);
        spans(&|draws| draws.map.shift[0], -4.8, 4.8);
        spans(&|draws| draws.map.shift[1], -4.8, 4.8);
        spans(&|draws| draws.map.zoom, 0.9, 1.1);
        spans(&|draws| draws.window[0] as f64, 0.0, 8.0);
        spans(&|draws| draws.window[1] as f64, 0.0, 8.0);
        spans(&|draws| draws.colour.brightness, 0.6, 1.4);
        spans(&|draws| draws.colour.hue, -0.1, 0.1);
        let share =
            |holds: &dyn Fn(&AugmentDraws) -> bool| draws.iter().filter(|draws| holds(draws)).count() as f64 / 2000.0;
        // Four standard errors of a half.
        for share in
            [share(&|d| d.map.flip), share(&|d| d.map.vflip), share(&|d| d.blur > 0.0), share(&|d| d.erase.is_some())]
        {
            assert!((share - 0.5).abs() < 0.045, "{share}");
        }
    }
}
