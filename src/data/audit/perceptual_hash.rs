//! A perceptual hash: two files of one photograph, saved or cropped otherwise, get almost the same bits.
//!
//! It is the "pHash" of Krawetz (2011, "Looks Like It") and of the Python package imagehash; Zauner (2010,
//! "Implementation and Benchmarking of Perceptual Image Hash Functions") describes the family. The grey picture is
//! shrunk to 32×32 and transformed by a discrete cosine transform; each of the 8×8 lowest frequencies gives one bit: is it
//! above their median? So light and contrast change little, and as many bits are set as not.

use std::{f64::consts::PI, sync::LazyLock};

use anyhow::Result;

use crate::data::decoding::{decoded_image::DecodedImage, resize};

/// Pixels across and down of what is transformed.
const SIDE: usize = 32;
/// Frequencies kept in each direction.
const LOW: usize = 8;

/// `[frequency][pixel]` of the discrete cosine transform (DCT-II), not normalised.
static COSINES: LazyLock<[[f64; SIDE]; LOW]> = LazyLock::new(|| {
    std::array::from_fn(|k| std::array::from_fn(|x| (PI / SIDE as f64 * (x as f64 + 0.5) * k as f64).cos()))
});

/// The hash of a picture that is not blank. (All blank ones are alike, and none is like another picture.)
///
/// # Errors
/// The picture cannot be resized.
pub fn hash(picture: &DecodedImage) -> Result<u64> {
    let grey = picture.clone().into_channels(1);
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
    // First along the rows, then along the columns of what that gives.
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
    fn size_and_light_change_little_and_another_picture_much() {
        let mut sums = [0; 3];
        for number in 0..50 {
            let picture = waves(128, number);
            let darker = picture.pixels.iter().map(|&value| value / 2 + 10).collect();
            sums[0] += distance(&picture, &waves(96, number));
            sums[1] += distance(&picture, &DecodedImage { pixels: darker, ..picture.clone() });
            sums[2] += distance(&picture, &waves(128, number + 1000));
        }
        // Of 64 bits, on average: 2 at most, and almost the half by which strangers differ.
        assert!(sums[0] <= 100 && sums[1] <= 100 && sums[2] >= 50 * 24, "{sums:?}");
    }

    #[test]
    fn half_of_the_bits_are_set() {
        for number in 0..50 {
            assert_eq!(hash(&waves(32, number)).unwrap().count_ones(), 32);
        }
    }
}
