//! The scene: pose of the person, light, background, occluders and camera.
//!
//! The image spans -1..1 in both directions; y points down.

use super::draws::FaceDraws;
use super::shapes::{Point, Turn, at};

/// Pose of the head.
#[derive(Clone, Copy, Debug)]
pub struct Pose {
    pub centre: Point,
    /// Half height of the head.
    pub scale: f32,
    /// Rotation in the image plane.
    pub roll: Turn,
    /// Rotation to the side, and up or down.
    pub yaw: Turn,
    pub pitch: Turn,
}

/// An object between camera and face.
#[derive(Clone, Copy, Debug)]
pub enum Occluder {
    /// A straight strip: its middle, the direction across it, its half width.
    Bar { middle: Point, across: Point, half_width: f32, tone: f32 },
    /// A hand: the palm's centre and the direction of its fingers.
    Hand { palm: Point, fingers: Turn, size: f32, tone: f32 },
}

/// Everything in the image but the person.
#[derive(Clone, Debug)]
pub struct Scene {
    pub pose: Pose,
    /// Direction towards the light, a unit vector; z points at the camera.
    pub light: [f32; 3],
    /// Share of ambient light.
    pub ambient: f32,
    /// Tone of the background, its slope over the image, and the depth of its clutter.
    pub background: f32,
    pub background_slope: Point,
    pub clutter: f32,
    pub clutter_seed: u32,
    pub occluder: Option<Occluder>,
    /// Passes of a 3×3 blur.
    pub blur: u32,
    /// Factor about middle grey, and offset.
    pub contrast: f32,
    pub brightness: f32,
    /// Standard deviation of the noise of each pixel.
    pub noise: f32,
}

impl Scene {
    /// Draws a scene around a person of the given skin tone, whose hand may be in it.
    pub fn draw(skin: f32, draws: &mut FaceDraws) -> Self {
        let pose = Pose {
            centre: at(0.02 * draws.bell(), -0.05 + 0.02 * draws.bell()),
            scale: draws.range(1.02, 1.14),
            // Half tangents: 0.1 is 11 degrees.
            roll: Turn::from_half_tangent(0.035 * draws.bell()),
            yaw: Turn::from_half_tangent(0.04 * draws.bell()),
            pitch: Turn::from_half_tangent(0.04 * draws.bell()),
        };
        let (x, y, z) = (0.5 * draws.bell(), draws.range(-0.8, 0.3), draws.range(0.6, 1.2));
        let length = (x * x + y * y + z * z).sqrt();
        Self {
            pose,
            light: [x / length, y / length, z / length],
            ambient: draws.range(0.7, 0.95),
            background: draws.range(0.3, 0.7),
            background_slope: at(0.15 * draws.bell(), 0.15 * draws.bell()),
            clutter: draws.range(0.0, 0.2),
            clutter_seed: draws.bits(),
            occluder: draws.chance(0.1).then(|| Occluder::draw(skin, draws)),
            blur: draws.weighted(&[75, 22, 3]) as u32,
            contrast: draws.range(0.9, 1.15),
            brightness: 0.09 * draws.bell(),
            noise: draws.range(0.0, 0.025),
        }
    }
}

impl Occluder {
    fn draw(skin: f32, draws: &mut FaceDraws) -> Self {
        if draws.chance(0.5) {
            let turn = Turn::from_half_tangent(draws.range(-1.0, 1.0));
            Self::Bar {
                middle: at(draws.range(-0.7, 0.7), draws.range(-0.6, 0.9)),
                across: turn.apply(at(1.0, 0.0)),
                half_width: draws.range(0.04, 0.13),
                tone: draws.range(0.0, 1.0),
            }
        } else {
            let side = draws.sign();
            Self::Hand {
                palm: at(side * draws.range(0.35, 0.9), draws.range(0.35, 0.95)),
                fingers: Turn::from_half_tangent(-side * draws.range(0.0, 0.35)),
                size: draws.range(0.2, 0.3),
                tone: skin * draws.range(0.85, 1.1),
            }
        }
    }
}
