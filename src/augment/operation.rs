//! The fourteen operations of TrivialAugment, RandAugment and AugMix.

use super::{AugmentDraws, ImageSize};

/// Number of operations on grey images; RGB images have one more.
const GREY_OPERATIONS: f64 = 13.0;

/// The largest strengths of a policy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strongest {
    /// Shift of a row against its neighbour, in pixels.
    pub shear: f64,
    /// Shift in x and y, in pixels.
    pub shift: [f64; 2],
    /// Rotation in degrees.
    pub angle: f64,
    /// Change of a factor of colours.
    pub factor: f64,
    /// Bits of a value that posterize keeps at no strength.
    pub kept: f64,
    /// Bits of these that it loses at full strength.
    pub bits: f64,
}

/// How strong an operation is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strength {
    /// Strength of the operations that go in two directions, as a share of the largest: −1 to 1.
    pub signed: f64,
    /// Strength of posterize and solarize: 0 to 1.
    pub share: f64,
}

/// Adds the operation at `place`, a share of the list, to `draws`: angles, shears and shifts add up, factors multiply.
pub(super) fn add(draws: &mut AugmentDraws, channels: i64, place: f64, strength: Strength, strongest: &Strongest) {
    let operations = operations(channels);
    let Strength { signed, share } = strength;
    let AugmentDraws { map, colour, tone, .. } = draws;
    match (place * operations) as u32 {
        0 => {}
        1 => map.shear[0] += signed * strongest.shear,
        2 => map.shear[1] += signed * strongest.shear,
        3 => map.shift[0] += signed * strongest.shift[0],
        4 => map.shift[1] += signed * strongest.shift[1],
        5 => map.angle += signed * strongest.angle,
        6 => colour.brightness *= 1.0 + signed * strongest.factor,
        7 => colour.contrast *= 1.0 + signed * strongest.factor,
        8 => tone.sharpness *= 1.0 + signed * strongest.factor,
        9 => tone.posterize = Some((strongest.kept - (share * strongest.bits).round()) as u32),
        10 => tone.solarize = Some(1.0 - share),
        11 => tone.autocontrast = true,
        12 => tone.equalize = true,
        _ => colour.saturation *= 1.0 + signed * strongest.factor,
    }
}

/// Number of operations on images of `channels`.
fn operations(channels: i64) -> f64 {
    if channels == 3 { GREY_OPERATIONS + 1.0 } else { GREY_OPERATIONS }
}

/// The place in the list of the operation at `place`, a share, among all that do something.
pub(super) fn other_than_nothing(channels: i64, place: f64) -> f64 {
    let operations = operations(channels);
    (1.0 + place * (operations - 1.0)) / operations
}

/// The largest shift of an image in x and y: `most` of its side, and no more than `pixels`.
pub(super) fn shift(size: ImageSize, most: f64, pixels: f64) -> [f64; 2] {
    [size.width, size.height].map(|side| pixels.min(most * side as f64))
}
