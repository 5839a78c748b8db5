//! A perceptual hash: two files of one photograph, compressed or cropped differently, get almost the same bits.
//!
//! It is the "pHash" of Krawetz (2011, "Looks Like It") and of the Python package imagehash; Zauner (2010,
//! "Implementation and Benchmarking of Perceptual Image Hash Functions") describes the family. The image is converted to
//! grey, shrunk to 32×32 and transformed by a discrete cosine transform; each of the 8×8 lowest frequencies gives one bit:
//! whether it is above their median. Brightness and contrast therefore change few bits, and half of the bits are set.

use std::{f64::consts::PI, sync::LazyLock};

use anyhow::Result;

use crate::data::decoding::{decoded_image::DecodedImage, resize};

/// Side of the transformed image in pixels.
const SIDE: usize = 32;
/// Number of frequencies kept in each direction.
const LOW: usize = 8;

/// `[frequency][pixel]` of the discrete cosine transform (DCT-II), not normalised.
static COSINES: LazyLock<[[f64; SIDE]; LOW]> = LazyLock::new(|| {
    std::array::from_fn(|k| std::array::from_fn(|x| (PI / SIDE as f64 * (x as f64 + 0.5) * k as f64).cos()))
});

/// Hashes an image that is not blank. (A blank image has no frequencies to compare: its hash would be noise.)
///
/// # Errors
/// The image cannot be resized.
pub fn hash(image: &DecodedImage) -> Result<u64> {
    let grey = image.clone().into_channels(1);
    let small = resize::scale(&grey, SIDE as u32, SIDE as u32)?;
    let frequencies = low_frequencies(&small.pixels);
    let mut sorted = frequencies;
    sorted.sort_unstable_by(f64::total_cmp);
    let median = sorted[sorted.len() / 2 - 1];
    Ok(frequencies.iter().fold(0, |bits, &value| bits << 1 | u64::from(value > median)))
}

/// The lowest frequencies of `pixels` `[32, 32]`, row by row.
fn low_frequencies(pixels: &[u8]) -> [f64; LOW * LOW] {
    let dot = |a: &[f64; SIDE], b: &[f64; SIDE]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    // The transform is separable: first along the rows, then along the columns of the result.
    let mut along_rows = [[0.0; SIDE]; LOW];
    for (y, row) in pixels.chunks_exact(SIDE).enumerate() {
        let row: [f64; SIDE] = std::array::from_fn(|x| f64::from(row[x]));
        for (k, cosines) in COSINES.iter().enumerate() {
            along_rows[k][y] = dot(&row, cosines);
        }
    }
    std::array::from_fn(|i| dot(&along_rows[i % LOW], &COSINES[i / LOW]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};

    /// Waves whose frequencies and phases are functions of `number`.
    fn waves(side: u32, number: u32) -> DecodedImage {
        let mut draws = Stream::new(0, Purpose::Faces, 0, number);
        let waves: Vec<[f64; 3]> = (0..40).map(|_| [25.0, 25.0, 6.3].map(|most| draws.uniform() * most)).collect();
        let value = |x: f64, y: f64| waves.iter().map(|[a, b, c]| (a * x + b * y + c).sin()).sum::<f64>();
        let at = |i: u32| f64::from(i) / f64::from(side);
        let pixels = (0..side * side).map(|i| (128.0 + 8.0 * value(at(i % side), at(i / side))) as u8).collect();
        DecodedImage { width: side, height: side, channels: 1, pixels }
    }

    fn distance(a: &DecodedImage, b: &DecodedImage) -> u32 {
        (hash(a).unwrap() ^ hash(b).unwrap()).count_ones()
    }

    #[test]
    fn size_and_brightness_change_few_bits_and_another_image_many() {
        let mut sums = [0; 3];
        for number in 0..50 {
            let image = waves(128, number);
            let darker = image.pixels.iter().map(|&value| value / 2 + 10).collect();
            sums[0] += distance(&image, &waves(96, number));
            sums[1] += distance(&image, &DecodedImage { pixels: darker, ..image.clone() });
            sums[2] += distance(&image, &waves(128, number + 1000));
        }
        // Of 64 bits, on average: at most 2, and almost half of them for different images.
        assert!(sums[0] <= 100 && sums[1] <= 100 && sums[2] >= 50 * 24, "{sums:?}");
    }

    #[test]
    fn half_of_the_bits_are_set() {
        for number in 0..50 {
            assert_eq!(hash(&waves(32, number)).unwrap().count_ones(), 32);
        }
    }
}
