//! Every number that augments one image.

use super::{Factors, Map, Rect, Size, blur, colour, crop_pad, erase, hflip, resized_crop, rotate_shift_zoom, trivial};
use crate::{
    random::Stream,
    recipe::{Aa, Recipe},
};

/// Every number that augments one image: a function of the recipe, the image's shape and its stream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Draws {
    /// Where its pixels come from.
    pub map: Map,
    /// How its colours change.
    pub colour: Factors,
    /// Standard deviation of its blur, in pixels; 0 for none.
    pub blur: f64,
    /// What is erased of it.
    pub erase: Option<Rect>,
}

impl Draws {
    /// The draws for an image of `channels` and `size`.
    ///
    /// Each knob takes the same count of numbers from the stream, on or off: switching one on leaves the draws of the others
    /// alone. The order is part of every recorded run; new knobs come last.
    pub fn new(recipe: &Recipe, channels: i64, size: Size, stream: &mut Stream) -> Self {
        let flip = hflip::draw(recipe, uniforms(stream));
        let map = rotate_shift_zoom::draw(recipe, size, uniforms(stream), Map { flip, ..Map::identity(size) });
        let padded = uniforms(stream);
        let colour = colour::draw(recipe, uniforms(stream));
        let blur = blur::draw(recipe, size, uniforms(stream));
        let operation = uniforms(stream);
        let crop = resized_crop::draw(recipe, size, std::array::from_fn(|_| uniforms(stream)));
        let map = Map { crop: crop_pad::draw(recipe, padded, crop), ..map };
        let erase = erase::draw(recipe, size, uniforms(stream), std::array::from_fn(|_| uniforms(stream)));

        let draws = Self { map, colour, blur, erase };
        match recipe.aa {
            Aa::None => draws,
            Aa::Trivial => trivial::draw(draws, channels, size, operation),
        }
    }
}

/// The next `N` numbers of a stream, in [0, 1).
fn uniforms<const N: usize>(stream: &mut Stream) -> [f64; N] {
    std::array::from_fn(|_| stream.uniform())
}
