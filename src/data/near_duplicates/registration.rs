//! Registers one thumbnail to another, and measures what of its detail the registration leaves unexplained.
//!
//! The model is I(x, y) ≈ gain · J(sx·x + tx, sy·y + ty) + bias: files of one photograph differ in crop, aspect ratio,
//! brightness and contrast. Shift and scale are found by the inverse compositional form of Lucas and Kanade's method
//! (Baker and Matthews 2004, "Lucas-Kanade 20 years on"), coarse to fine; gain and bias have closed forms.
//!
//! What counts is detail: the image minus a blurred copy. Half of all photographs have a bright sky above and a dark
//! ground below, and white cars stand before white walls; such images correlate without showing the same thing.

use std::{array, sync::LazyLock};

use super::thumbnail::{SIDE, Thumbnail};

/// Largest residual of a near-duplicate pair: the share of the variance of its detail that is left unexplained.
pub const RESIDUAL: f32 = 0.1;

/// Side of the coarse level in pixels.
const HALF: usize = SIDE / 2;
/// Steps of registration at the coarse and at the fine level.
const STEPS: [usize; 2] = [6, 4];
/// Largest residual at the coarse level with which the fine level is tried.
const COARSE_RESIDUAL: f32 = 0.5;
/// Variance of the noise in an image's detail, in squared grey levels: about that of rounding and compression. It keeps
/// clear skies, which have next to no detail, from being registered to one another.
const NOISE: f32 = 1.0;
/// Share of the side, as its inverse, that is left out at each border: detail there is computed without what lies beyond.
const MARGIN: usize = 16;
/// Smallest share of the area in which both images must lie after registration.
const OVERLAP: f32 = 0.5;
/// Largest scale in each direction; the smallest is its inverse.
const SCALE: f32 = 1.5;
/// Largest shift in each direction, in half sides of the image.
const SHIFT: f32 = 0.5;
/// Largest change of a parameter in one step.
const STEP: f32 = 0.1;

type Image<const N: usize> = [[f32; N]; N];

/// A thumbnail to which others are registered.
pub struct Reference {
    coarse: Template<HALF>,
    fine: Template<SIDE>,
}

impl Reference {
    pub fn of(thumbnail: &Thumbnail) -> Self {
        let values = thumbnail.values(false);
        Self {
            coarse: Template::of(Level::of(&halved(&values), &COARSE)),
            fine: Template::of(Level::of(&values, &FINE)),
        }
    }

    /// The residual of `other`, mirrored or not: the share of the variance of detail that the best registration leaves
    /// unexplained, 0 (the images are identical up to the registration) to 1.
    pub fn residual(&self, other: &Thumbnail, is_mirrored: bool) -> f32 {
        let values = other.values(is_mirrored);
        let mut map = Map::default();
        let coarse = self.coarse.register(&Level::of(&halved(&values), &COARSE), STEPS[0], &mut map);
        if coarse > COARSE_RESIDUAL {
            return coarse;
        }
        self.fine.register(&Level::of(&values, &FINE), STEPS[1], &mut map)
    }
}

/// Shift and scale: place x of the reference, from -1 to 1 across the image, is place `scale · x + shift` of the other.
#[derive(Clone, Copy)]
struct Map {
    /// Across and down.
    scale: [f32; 2],
    shift: [f32; 2],
}

impl Default for Map {
    fn default() -> Self {
        Self { scale: [1.0; 2], shift: [0.0; 2] }
    }
}

/// An image at one resolution.
struct Level<const N: usize> {
    /// Slightly blurred.
    grey: Image<N>,
    /// `grey` minus a strongly blurred copy.
    detail: Image<N>,
}

/// Weights of the slight and the strong blur of the two levels.
static FINE: LazyLock<[Vec<f32>; 2]> = LazyLock::new(|| [gaussian(0.7), gaussian(3.0)]);
static COARSE: LazyLock<[Vec<f32>; 2]> = LazyLock::new(|| [gaussian(0.7), gaussian(1.5)]);

impl<const N: usize> Level<N> {
    fn of(values: &Image<N>, [slight, strong]: &[Vec<f32>; 2]) -> Self {
        let (grey, blurred) = (blur(values, slight), blur(values, strong));
        Self { grey, detail: array::from_fn(|y| array::from_fn(|x| grey[y][x] - blurred[y][x])) }
    }
}

/// A level of the reference with everything of a step of registration that does not depend on the other image.
struct Template<const N: usize> {
    level: Level<N>,
    /// Derivatives of `level.grey` by scale and shift across, scale and shift down, without what gain and bias explain.
    derivatives: [Image<N>; 4],
    /// Inverse of the derivatives' matrix of scalar products.
    inverse: [[f32; 4]; 4],
}

impl<const N: usize> Template<N> {
    fn of(level: Level<N>) -> Self {
        let grey = &level.grey;
        let slope = |low: f32, high: f32, pixels: usize| (high - low) * N as f32 / 2.0 / pixels as f32;
        let mut derivatives = [[[0.0; N]; N]; 4];
        for y in 0..N {
            for x in 0..N {
                let (left, right) = (x.saturating_sub(1), (x + 1).min(N - 1));
                let (above, below) = (y.saturating_sub(1), (y + 1).min(N - 1));
                let across = slope(grey[y][left], grey[y][right], right - left);
                let down = slope(grey[above][x], grey[below][x], below - above);
                let parts = [across * place::<N>(x), across, down * place::<N>(y), down];
                derivatives.iter_mut().zip(parts).for_each(|(derivative, part)| derivative[y][x] = part);
            }
        }
        let mut centred = *grey;
        remove_mean(&mut centred);
        let power = product(&centred, &centred).max(f32::MIN_POSITIVE);
        for derivative in &mut derivatives {
            remove_mean(derivative);
            let share = product(derivative, &centred) / power;
            for (value, grey) in derivative.as_flattened_mut().iter_mut().zip(centred.as_flattened()) {
                *value -= share * grey;
            }
        }
        let mut products: [[f32; 4]; 4] =
            array::from_fn(|i| array::from_fn(|j| product(&derivatives[i], &derivatives[j])));
        // Damping: an image of vertical stripes has no derivative downwards.
        (0..4).for_each(|i| products[i][i] = 1.01 * products[i][i] + 1.0);
        Self { inverse: inverse(products), level, derivatives }
    }

    /// Improves `map` by `steps` steps and returns the residual of the last one.
    fn register(&self, other: &Level<N>, steps: usize, map: &mut Map) -> f32 {
        for _ in 0..steps {
            let seen = Seen::of(&other.grey, map);
            let Some(fit) = Fit::of(&self.level.grey, &seen) else { return 1.0 };
            let error = seen.error(&self.level.grey, &fit);
            let slopes: [f32; 4] = array::from_fn(|i| product(&self.derivatives[i], &error));
            let change: [f32; 4] =
                array::from_fn(|i| (0..4).map(|j| self.inverse[i][j] * slopes[j]).sum::<f32>().clamp(-STEP, STEP));
            for axis in 0..2 {
                // The change moves the reference; its inverse moves the other image.
                let (scale, shift) = (1.0 + change[2 * axis], change[2 * axis + 1]);
                map.shift[axis] = (map.shift[axis] - map.scale[axis] * shift / scale).clamp(-SHIFT, SHIFT);
                map.scale[axis] = (map.scale[axis] / scale).clamp(1.0 / SCALE, SCALE);
            }
        }
        let mut seen = Seen::of(&other.detail, map);
        for line in [&mut seen.rows, &mut seen.columns] {
            line[..N / MARGIN].fill(0.0);
            line[N - N / MARGIN..].fill(0.0);
        }
        Fit::of(&self.level.detail, &seen).map_or(1.0, |fit| fit.residual())
    }
}

/// The other image as the reference sees it.
struct Seen<const N: usize> {
    values: Image<N>,
    /// 1 where a row or a column lies inside the other image, 0 elsewhere.
    rows: [f32; N],
    columns: [f32; N],
}

impl<const N: usize> Seen<N> {
    /// Samples `image` bilinearly.
    fn of(image: &Image<N>, map: &Map) -> Self {
        let [across, down]: [[Tap; N]; 2] =
            array::from_fn(|axis| array::from_fn(|i| Tap::at::<N>(map.scale[axis] * place::<N>(i) + map.shift[axis])));
        let values = array::from_fn(|y| {
            let (upper, lower) = (&image[down[y].first], &image[down[y].first + 1]);
            let row: [f32; N] = array::from_fn(|x| upper[x] + down[y].share * (lower[x] - upper[x]));
            array::from_fn(|x| {
                let Tap { first, share, .. } = across[x];
                row[first] + share * (row[first + 1] - row[first])
            })
        });
        Self { values, rows: down.map(|tap| tap.inside), columns: across.map(|tap| tap.inside) }
    }

    /// What the fit leaves of `reference`, 0 outside of the other image.
    fn error(&self, reference: &Image<N>, fit: &Fit) -> Image<N> {
        let gain = fit.product / fit.other;
        array::from_fn(|y| {
            array::from_fn(|x| {
                let explained = fit.mean_reference + gain * (self.values[y][x] - fit.mean_other);
                // The sign is that of the change which moves the reference towards the other image.
                self.rows[y] * self.columns[x] * (explained - reference[y][x])
            })
        })
    }
}

/// Two pixels and the share of the second: a place between them.
#[derive(Clone, Copy)]
struct Tap {
    first: usize,
    share: f32,
    inside: f32,
}

impl Tap {
    fn at<const N: usize>(place: f32) -> Self {
        let pixel = (place + 1.0) * (N as f32 / 2.0) - 0.5;
        let inside = if (-0.5..=N as f32 - 0.5).contains(&pixel) { 1.0 } else { 0.0 };
        let first = pixel.clamp(0.0, N as f32 - 2.0) as usize;
        Self { first, share: (pixel - first as f32).clamp(0.0, 1.0), inside }
    }
}

/// Means, variances and covariance of the two images over the area that both cover.
struct Fit {
    mean_reference: f32,
    mean_other: f32,
    reference: f32,
    other: f32,
    product: f32,
}

impl Fit {
    /// None where too little of the area is covered by both.
    fn of<const N: usize>(reference: &Image<N>, seen: &Seen<N>) -> Option<Self> {
        let mut sums = [[0.0f32; N]; 5];
        for (y, (row, values)) in reference.iter().zip(&seen.values).enumerate() {
            for x in 0..N {
                let weight = seen.rows[y] * seen.columns[x];
                let (a, b) = (weight * row[x], weight * values[x]);
                let parts = [a, b, a * row[x], b * values[x], a * values[x]];
                (0..5).for_each(|i| sums[i][x] += parts[i]);
            }
        }
        let area = seen.rows.iter().sum::<f32>() * seen.columns.iter().sum::<f32>();
        if area < OVERLAP * (N * N) as f32 {
            return None;
        }
        let [a, b, aa, bb, ab] = sums.map(|sums| sums.iter().sum::<f32>() / area);
        Some(Self {
            mean_reference: a,
            mean_other: b,
            reference: aa - a * a,
            other: (bb - b * b).max(1e-6),
            product: ab - a * b,
        })
    }

    /// 1 − r², where r is the correlation that remains beside the noise.
    fn residual(&self) -> f32 {
        let covariance = self.product.max(0.0);
        1.0 - covariance * covariance / ((self.reference + NOISE) * (self.other + NOISE))
    }
}

/// The place of pixel `i`, from -1 to 1 across the image.
fn place<const N: usize>(i: usize) -> f32 {
    (2 * i + 1) as f32 / N as f32 - 1.0
}

fn product<const N: usize>(a: &Image<N>, b: &Image<N>) -> f32 {
    super::descriptor::dot(a.as_flattened(), b.as_flattened())
}

fn remove_mean<const N: usize>(image: &mut Image<N>) {
    let mean = image.as_flattened().iter().sum::<f32>() / (N * N) as f32;
    image.as_flattened_mut().iter_mut().for_each(|value| *value -= mean);
}

/// Halves both sides.
fn halved(image: &Image<SIDE>) -> Image<HALF> {
    array::from_fn(|y| {
        let (upper, lower) = (&image[2 * y], &image[2 * y + 1]);
        array::from_fn(|x| (upper[2 * x] + upper[2 * x + 1] + lower[2 * x] + lower[2 * x + 1]) / 4.0)
    })
}

/// The weights of a Gaussian of standard deviation `sigma` pixels, from its middle outwards.
fn gaussian(sigma: f32) -> Vec<f32> {
    let weights: Vec<f32> = (0..=(3.0 * sigma) as i32).map(|i| (-0.5 * (i as f32 / sigma).powi(2)).exp()).collect();
    let sum = weights[0] + 2.0 * weights[1..].iter().sum::<f32>();
    weights.into_iter().map(|weight| weight / sum).collect()
}

/// Convolves `image` with a kernel in both directions; pixels beyond the border are those at it.
fn blur<const N: usize>(image: &Image<N>, kernel: &[f32]) -> Image<N> {
    transposed(&blurred_down(&transposed(&blurred_down(image, kernel)), kernel))
}

fn blurred_down<const N: usize>(image: &Image<N>, kernel: &[f32]) -> Image<N> {
    array::from_fn(|y| {
        let mut row = image[y].map(|value| kernel[0] * value);
        for (distance, weight) in kernel.iter().enumerate().skip(1) {
            let (above, below) = (&image[y.saturating_sub(distance)], &image[(y + distance).min(N - 1)]);
            (0..N).for_each(|x| row[x] += weight * (above[x] + below[x]));
        }
        row
    })
}

fn transposed<const N: usize>(image: &Image<N>) -> Image<N> {
    array::from_fn(|y| array::from_fn(|x| image[x][y]))
}

/// The inverse of a symmetric positive definite matrix, by Gauss-Jordan elimination, which needs no pivots then.
fn inverse(mut matrix: [[f32; 4]; 4]) -> [[f32; 4]; 4] {
    let mut inverse: [[f32; 4]; 4] = array::from_fn(|i| array::from_fn(|j| if i == j { 1.0 } else { 0.0 }));
    for i in 0..4 {
        let pivot = matrix[i][i];
        matrix[i] = matrix[i].map(|value| value / pivot);
        inverse[i] = inverse[i].map(|value| value / pivot);
        let (row, result) = (matrix[i], inverse[i]);
        for other in (0..4).filter(|&other| other != i) {
            let factor = matrix[other][i];
            (0..4).for_each(|j| matrix[other][j] -= factor * row[j]);
            (0..4).for_each(|j| inverse[other][j] -= factor * result[j]);
        }
    }
    inverse
}
