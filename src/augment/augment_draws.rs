//! The random numbers that augment one image.

use super::{ColourFactors, Map, Rect, Tone};

/// All random numbers that augment one image, a function of the recipe, the image's shape and its stream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AugmentDraws {
    /// Geometry: where each pixel comes from.
    pub map: Map,
    /// Change of the colours.
    pub colour: ColourFactors,
    /// Change of the tones.
    pub tone: Tone,
    /// Standard deviation of the blur in pixels; 0 for none.
    pub blur: f64,
    /// Rectangle to erase.
    pub erase: Option<Rect>,
    /// Column and row where the window begins on which the network is trained.
    pub window: [i64; 2],
}
