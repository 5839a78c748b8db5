//! The seven expressions as muscle actions, modelled on the facial action coding system (Ekman and Friesen, 1978).

use super::draws::FaceDraws;

/// Actions of the face, each roughly in -1..=1 with 0 at rest.
#[derive(Clone, Copy, Debug)]
pub struct Muscles {
    /// Inner ends of the brows: up or down.
    pub brow_inner: f32,
    /// Outer ends of the brows: up or down.
    pub brow_outer: f32,
    /// Brows drawn together.
    pub pinch: f32,
    /// Upper lids: wide or drooping.
    pub lid: f32,
    /// Lower lids and cheeks raised.
    pub squint: f32,
    /// Corners of the mouth: up or down.
    pub corner: f32,
    /// Jaw dropped.
    pub open: f32,
    /// Mouth stretched or pursed.
    pub stretch: f32,
    /// Upper lip raised.
    pub sneer: f32,
    /// Share of the open mouth that teeth fill.
    pub teeth: f32,
    /// Nose wrinkled.
    pub wrinkle: f32,
}

const ACTIONS: usize = 11;

/// The full expressions, in the order of [`super::CLASSES`]: each class has two variants.
#[rustfmt::skip]
const FULL: [[[f32; ACTIONS]; 2]; 7] = [
    // brow_inner outer pinch   lid squint  corner  open stretch sneer teeth wrinkle
    [[-1.0,  0.5,  1.0,  0.1,  0.5,   -0.5,  0.0, -0.1,   0.0,  0.0,  0.2],    // angry: lips pressed
     [-1.0,  0.6,  1.0,  0.3,  0.4,   -0.4,  0.5,  0.3,   0.4,  1.0,  0.4]],   //        teeth bared
    [[-0.6, -0.3,  0.5, -0.4,  0.8,   -0.7,  0.1,  0.0,   1.0,  0.4,  1.0],    // disgust: lip raised
     [-0.5, -0.1,  0.4, -0.7,  0.9,   -0.4,  0.6, -0.1,   0.8,  0.0,  1.0]],   //          mouth open
    [[ 1.0, -0.2,  0.6,  1.0, -0.2,   -0.4,  0.3,  0.6,   0.0,  1.0,  0.0],    // fear: teeth clenched
     [ 0.9,  0.0,  0.5,  0.9, -0.2,   -0.6,  0.6,  0.3,   0.0,  0.0,  0.0]],   //       jaw dropped
    [[ 0.0,  0.1,  0.0, -0.1,  0.6,    1.0,  0.0,  0.5,   0.0,  0.0,  0.0],    // happy: smile
     [ 0.1,  0.2,  0.0, -0.1,  0.8,    1.0,  0.6,  0.6,   0.0,  0.8,  0.1]],   //        laugh
    [[ 0.0,  0.0,  0.0,  0.0,  0.0,    0.0,  0.0,  0.0,   0.0,  0.0,  0.0],    // neutral
     [ 0.0,  0.0,  0.0, -0.3,  0.0,    0.0,  0.1,  0.0,   0.0,  0.3,  0.0]],   //          tired, lips apart
    [[ 0.9, -0.6,  0.4, -0.5,  0.1,   -1.0,  0.0, -0.1,   0.0,  0.0,  0.0],    // sad: lids drooping
     [ 0.7, -0.5,  0.5, -0.9,  0.6,   -0.9,  0.3,  0.2,   0.0,  0.3,  0.1]],   //      crying
    [[ 0.9,  1.0,  0.0,  1.0, -0.2,    0.0,  1.0, -0.5,   0.0,  0.0,  0.0],    // surprise: round mouth
     [ 1.0,  0.8,  0.0,  0.8,  0.0,    0.4,  0.8,  0.0,   0.0,  0.4,  0.0]],   //           delighted
];

/// Range of the uniform intensity of expressions. At the lower end a face is ambiguous.
const INTENSITY: (f32, f32) = (0.4, 1.4);
/// Standard deviation of each action at rest: the variation of faces without an expression.
const REST: f32 = 0.10;

impl Muscles {
    /// Draws the actions of a face of the class `class`, an index into [`super::CLASSES`].
    pub fn draw(class: usize, draws: &mut FaceDraws) -> Self {
        let full = FULL[class][draws.below(2) as usize];
        let intensity = draws.range(INTENSITY.0, INTENSITY.1);
        let [brow_inner, brow_outer, pinch, lid, squint, corner, open, stretch, sneer, teeth, wrinkle] =
            full.map(|action| intensity * action + REST * draws.bell());
        Self { brow_inner, brow_outer, pinch, lid, squint, corner, open, stretch, sneer, teeth, wrinkle }
    }
}
