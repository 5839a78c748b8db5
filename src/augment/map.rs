//! The geometry of one augmented image: where each pixel comes from.

use super::{ImageSize, Rect};

/// The geometry of one image, which is mirrored, then sheared, rotated, magnified and shifted about its centre, then cropped and
/// enlarged to full size. Angle, shift and zoom have the meaning of torchvision's `affine`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Map {
    /// Whether left and right are exchanged.
    pub flip: bool,
    /// Whether top and bottom are exchanged.
    pub vflip: bool,
    /// Shear in x and in y, in pixels a pixel: by how much a row moves against the next one, and a column.
    pub shear: [f64; 2],
    /// Rotation in degrees, clockwise.
    pub angle: f64,
    /// Shift in pixels to the right and down.
    pub shift: [f64; 2],
    /// Magnification, above 0; values above 1 enlarge the subject.
    pub zoom: f64,
    /// Rectangle that the crop keeps.
    pub crop: Rect,
}

impl Map {
    /// The map that changes nothing.
    pub fn identity(size: ImageSize) -> Self {
        Self {
            flip: false,
            vflip: false,
            shear: [0.0; 2],
            angle: 0.0,
            shift: [0.0; 2],
            zoom: 1.0,
            crop: Rect::whole(size),
        }
    }

    /// The inverse map, from a place in the moved image to its source: rows `[a, b, c]` of `a x + b y + c`, for `x` and then
    /// for `y`, in pixels from the image's centre.
    pub(super) fn inverse(&self) -> [[f64; 3]; 2] {
        let (sin, cos) = self.angle.to_radians().sin_cos();
        let [across, upright] = [self.flip, self.vflip].map(|is_mirrored| if is_mirrored { -1.0 } else { 1.0 });
        // The inverse of a rotation is the opposite rotation; a shear adds a share of the other row.
        let [x, y] = [[cos, sin], [-sin, cos]];
        let [right, down] = self.shear;
        let x_sheared = [x[0] + right * y[0], x[1] + right * y[1]];
        let y_sheared = [y[0] + down * x[0], y[1] + down * x[1]];
        let turn_back = [x_sheared.map(|value| across * value), y_sheared.map(|value| upright * value)];
        turn_back.map(|row| {
            let [a, b] = row.map(|value| value / self.zoom);
            [a, b, -a * self.shift[0] - b * self.shift[1]]
        })
    }
}
