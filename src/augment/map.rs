//! Where the pixels of one augmented image come from.

use super::{ImageSize, Rect};

/// The geometry of one image: mirrored, then turned, magnified and moved about its centre, then cropped and enlarged to
/// full size. Angle, shift and zoom have the meaning of torchvision's `affine`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Map {
    /// Left and right are exchanged.
    pub flip: bool,
    /// Degrees, clockwise.
    pub angle: f64,
    /// Pixels to the right and down.
    pub shift: [f64; 2],
    /// Magnification, above 0; above 1 the subject grows.
    pub zoom: f64,
    /// What is kept of it.
    pub crop: Rect,
}

impl Map {
    /// The map that changes nothing.
    pub fn identity(size: ImageSize) -> Self {
        Self { flip: false, angle: 0.0, shift: [0.0; 2], zoom: 1.0, crop: Rect::whole(size) }
    }

    /// Rows `[a, b, c]` of the matrix by which a place in the moved image has its origin: `a x + b y + c`, for `x` and
    /// then for `y`, in pixels from the image's centre.
    pub(super) fn origin(&self) -> [[f64; 3]; 2] {
        let (sin, cos) = self.angle.to_radians().sin_cos();
        let mirror = if self.flip { -1.0 } else { 1.0 };
        // The inverse of a rotation is the opposite rotation.
        let turn_back = [[mirror * cos, mirror * sin], [-sin, cos]];
        turn_back.map(|row| {
            let [a, b] = row.map(|value| value / self.zoom);
            [a, b, -a * self.shift[0] - b * self.shift[1]]
        })
    }
}
