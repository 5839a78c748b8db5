//! Signed distances in the plane, negative inside, and the painting of shapes by them.

use std::ops::{Add, Mul, Sub};

/// A point or vector of the plane; y points down, as in images.
#[derive(Clone, Copy, Debug)]
pub struct Point {
    pub x: f32,
    pub y: f32,
}

/// Short for [`Point`] literals.
pub const fn at(x: f32, y: f32) -> Point {
    Point { x, y }
}

impl Add for Point {
    type Output = Point;
    fn add(self, other: Point) -> Point {
        at(self.x + other.x, self.y + other.y)
    }
}

impl Sub for Point {
    type Output = Point;
    fn sub(self, other: Point) -> Point {
        at(self.x - other.x, self.y - other.y)
    }
}

impl Mul<f32> for Point {
    type Output = Point;
    fn mul(self, factor: f32) -> Point {
        at(self.x * factor, self.y * factor)
    }
}

impl Point {
    pub fn dot(self, other: Point) -> f32 {
        self.x * other.x + self.y * other.y
    }

    pub fn length(self) -> f32 {
        self.dot(self).sqrt()
    }
}

/// A rotation, held as its cosine and sine.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    cos: f32,
    sin: f32,
}

impl Turn {
    /// A rotation by the tangent of half the angle: a rational function, which does not depend on the machine's libm.
    pub fn from_half_tangent(t: f32) -> Self {
        let square = t * t;
        Self { cos: (1.0 - square) / (1.0 + square), sin: 2.0 * t / (1.0 + square) }
    }

    pub fn apply(self, p: Point) -> Point {
        at(self.cos * p.x - self.sin * p.y, self.sin * p.x + self.cos * p.y)
    }
}

/// Distance to the disc of the given radius.
pub fn disc(p: Point, centre: Point, radius: f32) -> f32 {
    (p - centre).length() - radius
}

/// Approximate distance to an upright ellipse: exact on its rim, too small far from it.
pub fn ellipse(p: Point, centre: Point, half: Point) -> f32 {
    let q = p - centre;
    (at(q.x / half.x, q.y / half.y).length() - 1.0) * half.x.min(half.y)
}

/// Distance to an upright rectangle with rounded corners.
pub fn rectangle(p: Point, centre: Point, half: Point, corner: f32) -> f32 {
    let q = p - centre;
    let over = at(q.x.abs() - half.x + corner, q.y.abs() - half.y + corner);
    at(over.x.max(0.0), over.y.max(0.0)).length() + over.x.max(over.y).min(0.0) - corner
}

/// Distance to a stroke from `a` to `b` of the given half width.
pub fn stroke(p: Point, a: Point, b: Point, half_width: f32) -> f32 {
    let (along, from_a) = (b - a, p - a);
    let share = (from_a.dot(along) / along.dot(along)).clamp(0.0, 1.0);
    (from_a - along * share).length() - half_width
}

/// Distance to the rim of a shape, drawn as a line of the given half width.
pub fn rim(distance: f32, half_width: f32) -> f32 {
    distance.abs() - half_width
}

/// Paints shapes over a tone, with edges that are one pixel soft.
#[derive(Clone, Copy, Debug)]
pub struct Brush {
    /// Width of a pixel in the unit of distances.
    pub pixel: f32,
}

impl Brush {
    /// `under`, covered by `tone` where `distance` is negative; `opacity` in 0..=1.
    pub fn lay(self, under: f32, distance: f32, tone: f32, opacity: f32) -> f32 {
        let cover = (0.5 - distance / self.pixel).clamp(0.0, 1.0) * opacity;
        under + (tone - under) * cover
    }
}

/// Smooth noise in 0..1: random values on the integer grid, blended between them.
pub fn grain(p: Point, seed: u32) -> f32 {
    let (column, row) = (p.x.floor(), p.y.floor());
    let ease = |t: f32| t * t * (3.0 - 2.0 * t);
    let (s, t) = (ease(p.x - column), ease(p.y - row));
    let knot = |dx: i32, dy: i32| hash(column as i32 + dx, row as i32 + dy, seed);
    let top = knot(0, 0) + (knot(1, 0) - knot(0, 0)) * s;
    let bottom = knot(0, 1) + (knot(1, 1) - knot(0, 1)) * s;
    top + (bottom - top) * t
}

/// A number in [0, 1) for each grid point, as good as random (the finaliser of MurmurHash3).
fn hash(column: i32, row: i32, seed: u32) -> f32 {
    let mut h = (column as u32).wrapping_mul(0x9E37_79B1) ^ (row as u32).wrapping_mul(0x85EB_CA77) ^ seed;
    h = (h ^ (h >> 16)).wrapping_mul(0x85EB_CA6B);
    h = (h ^ (h >> 13)).wrapping_mul(0xC2B2_AE35);
    ((h ^ (h >> 16)) >> 8) as f32 / (1 << 24) as f32
}
