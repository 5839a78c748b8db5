//! A short description of a thumbnail: images of one photograph have descriptions that point in almost one direction.
//!
//! It holds the lowest frequencies of the discrete cosine transform without the mean, so that brightness has no influence;
//! scaled to length 1, so that contrast has none; and weighted with the square root of the frequency, since low
//! frequencies dominate natural images and say little.

use std::{array, f32::consts::PI, sync::LazyLock};

use super::thumbnail::SIDE;

/// Number of frequencies in each direction.
const LOW: usize = 6;
/// Length of a description.
pub const LENGTH: usize = LOW * LOW - 1;

/// `[frequency][pixel]` of the discrete cosine transform (DCT-II), not normalised; the mean is halved in power.
static COSINES: LazyLock<[[f32; SIDE]; LOW]> = LazyLock::new(|| {
    array::from_fn(|k| {
        let scale = if k == 0 { 0.5f32.sqrt() } else { 1.0 };
        array::from_fn(|x| scale * (PI / SIDE as f32 * (x as f32 + 0.5) * k as f32).cos())
    })
});

/// Describes an image by a vector of length 1.
pub fn describe(values: &[[f32; SIDE]; SIDE]) -> [f32; LENGTH] {
    // The transform is separable: first along the rows, then along the columns of the result.
    let rows: [[f32; SIDE]; LOW] = array::from_fn(|k| array::from_fn(|y| dot(&COSINES[k], &values[y])));
    let mut description = array::from_fn(|i| {
        let (across, down) = ((i + 1) % LOW, (i + 1) / LOW);
        let frequency = ((across * across + down * down) as f32).sqrt();
        frequency.sqrt() * dot(&COSINES[down], &rows[across])
    });
    let length = dot(&description, &description).sqrt().max(f32::MIN_POSITIVE);
    description.iter_mut().for_each(|value| *value /= length);
    description
}

/// Scalar product, summed in eight lanes so that the compiler uses vector instructions.
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0f32; 8];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    for (a, b) in a.iter().zip(b) {
        for (lane, (a, b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
            *lane += a * b;
        }
    }
    lanes.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brightness_and_contrast_have_no_influence_and_a_mirror_flips_the_odd_frequencies() {
        let image: [[f32; SIDE]; SIDE] =
            array::from_fn(|y| array::from_fn(|x| ((x * x + 3 * y * x + 40 * y) % 97) as f32));
        let brighter = image.map(|row| row.map(|value| 20.0 + 0.5 * value));
        let mirrored = image.map(|mut row| {
            row.reverse();
            row
        });
        let [image, brighter, mirrored] = [image, brighter, mirrored].map(|image| describe(&image));
        assert!((dot(&image, &brighter) - 1.0).abs() < 1e-5);
        for (i, (value, other)) in image.iter().zip(&mirrored).enumerate() {
            let sign = if (i + 1) % LOW % 2 == 1 { -1.0 } else { 1.0 };
            assert!((value - sign * other).abs() < 1e-4, "{i}: {value} {other}");
        }
    }
}
