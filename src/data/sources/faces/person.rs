//! The person: the traits of a face that do not depend on its expression.
//!
//! Lengths are in half heights of the head, with (0, 0) at its centre; tones run from 0, black, to 1, white.

use super::draws::FaceDraws;

/// Hair or headwear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hair {
    Bald,
    Short,
    Long,
    Curly,
    Cap,
    Scarf,
}

/// Glasses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glasses {
    None,
    Round,
    Square,
    Dark,
}

/// A person's lasting traits.
#[derive(Clone, Copy, Debug)]
pub struct Person {
    /// Half width of the head.
    pub width: f32,
    /// Taper of the head towards the chin, as a share of its width.
    pub taper: f32,
    pub skin: f32,
    /// Distance of each eye from the middle line.
    pub eye_x: f32,
    pub eye_y: f32,
    /// Half width and half height of an eye.
    pub eye_width: f32,
    pub eye_height: f32,
    /// Rise of the outer corner of the eye over the inner one.
    pub eye_slant: f32,
    /// Radius and tone of the iris.
    pub iris: f32,
    pub iris_tone: f32,
    /// From the middle of the eye up to the brow.
    pub brow_lift: f32,
    /// Half width of the stroke.
    pub brow_weight: f32,
    /// Arch in the middle of the brow.
    pub brow_arch: f32,
    /// How far below the eyes the nose ends.
    pub nose_length: f32,
    pub nose_width: f32,
    pub mouth_y: f32,
    /// Half width of the mouth at rest.
    pub mouth_width: f32,
    /// Thickness of the lips.
    pub lip: f32,
    pub hair: Hair,
    pub hair_tone: f32,
    /// Height of the hair's lower edge at the middle of the forehead, its slope and its curvature.
    pub hairline: [f32; 3],
    /// How far the hair stands out beyond the head.
    pub volume: f32,
    pub glasses: Glasses,
    /// Opacity of beard and moustache, 0 for none.
    pub beard: f32,
    pub moustache: f32,
    /// Depth of creases, 0 in a child's face.
    pub age: f32,
    /// Seeds the grain of hair and beard.
    pub grain: u32,
}

impl Person {
    /// Draws a person.
    pub fn draw(draws: &mut FaceDraws) -> Self {
        use {Glasses::*, Hair::*};
        let skin = draws.range(0.6, 0.9);
        let hair = [Bald, Short, Long, Curly, Cap, Scarf][draws.weighted(&[10, 34, 26, 14, 9, 7])];
        let bearded = draws.chance(0.15);
        Self {
            width: draws.range(0.68, 0.86),
            taper: draws.range(0.08, 0.3),
            skin,
            eye_x: draws.range(0.29, 0.36),
            eye_y: draws.range(-0.11, -0.05),
            eye_width: draws.range(0.17, 0.215),
            eye_height: draws.range(0.115, 0.14),
            eye_slant: 0.02 * draws.bell(),
            iris: draws.range(0.08, 0.105),
            iris_tone: draws.range(0.05, 0.35),
            brow_lift: draws.range(0.24, 0.31),
            brow_weight: draws.range(0.045, 0.075),
            brow_arch: draws.range(0.0, 0.07),
            nose_length: draws.range(0.26, 0.4),
            nose_width: draws.range(0.09, 0.17),
            mouth_y: draws.range(0.51, 0.57),
            mouth_width: draws.range(0.3, 0.38),
            lip: draws.range(0.02, 0.065),
            hair,
            hair_tone: if draws.chance(0.3) { draws.range(0.5, 0.9) } else { draws.range(0.04, 0.4) },
            hairline: [draws.range(-0.78, -0.42), 0.3 * draws.bell(), draws.range(-0.1, 0.7)],
            volume: draws.range(1.03, 1.2),
            glasses: [None, Round, Square, Dark][draws.weighted(&[84, 7, 7, 2])],
            beard: if bearded { draws.range(0.3, 0.9) } else { 0.0 },
            moustache: if bearded || draws.chance(0.06) { draws.range(0.3, 0.95) } else { 0.0 },
            age: draws.range(0.1, 1.0),
            grain: draws.bits(),
        }
    }
}
