//! A decoded image in host memory.

/// Decoded pixels of one image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodedImage {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// 1 (grey) or 3 (red, green, blue).
    pub channels: u32,
    /// `[height, width, channels]`, 0–255.
    pub pixels: Vec<u8>,
}

impl DecodedImage {
    /// Builds an image in `channels` (1 or 3) from samples that are stored pixel by pixel as grey (`stored` 1), grey and
    /// alpha (2), RGB (3) or RGB and alpha (4).
    ///
    /// Alpha is dropped, not blended; grey and RGB are converted like Pillow's `convert("RGB")` and `convert("L")`.
    pub fn from_samples(width: u32, height: u32, samples: Vec<u8>, stored: usize, channels: u32) -> Self {
        let pixels = match (stored, channels) {
            (1, 1) | (3, 3) => samples,
            (2, 1) => samples.chunks_exact(stored).map(|pixel| pixel[0]).collect(),
            (1 | 2, _) => samples.chunks_exact(stored).flat_map(|pixel| [pixel[0]; 3]).collect(),
            (_, 1) => samples.chunks_exact(stored).map(|pixel| grey(pixel[0], pixel[1], pixel[2])).collect(),
            (_, _) => samples.chunks_exact(stored).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect(),
        };
        Self { width, height, channels, pixels }
    }

    /// Converts the image into `channels` (1 or 3).
    pub fn into_channels(self, channels: u32) -> Self {
        Self::from_samples(self.width, self.height, self.pixels, self.channels as usize, channels)
    }

    /// Whether every channel has a standard deviation below 1. Computed in integers: the standard deviation of n values is
    /// below 1 where n Σx² − (Σx)² < n².
    pub fn is_blank(&self) -> bool {
        let channels = self.channels as usize;
        (0..channels).all(|channel| {
            let values = || self.pixels.iter().skip(channel).step_by(channels).map(|&value| u128::from(value));
            let n = (self.pixels.len() / channels) as u128;
            let (sum, squares) = (values().sum::<u128>(), values().map(|value| value * value).sum::<u128>());
            n * squares - sum * sum < n * n
        })
    }
}

/// Luma of ITU-R BT.601 in 16-bit fixed point, rounded; equal to Pillow's `convert("L")` in every bit.
fn grey(r: u8, g: u8, b: u8) -> u8 {
    ((u32::from(r) * 19_595 + u32::from(g) * 38_470 + u32::from(b) * 7_471 + 0x8000) >> 16) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alpha_is_dropped_and_grey_repeated() {
        let image = |samples: &[u8], stored, channels| {
            DecodedImage::from_samples(1, 1, samples.to_vec(), stored, channels).pixels
        };
        assert_eq!(image(&[9, 0], 2, 1), [9]);
        assert_eq!(image(&[9, 0], 2, 3), [9, 9, 9]);
        assert_eq!(image(&[9], 1, 3), [9, 9, 9]);
        assert_eq!(image(&[255, 0, 0, 0], 4, 3), [255, 0, 0]);
        assert_eq!(image(&[255, 0, 0, 0], 4, 1), [76]);
    }

    #[test]
    fn blank_is_a_standard_deviation_below_1_in_every_channel() {
        let blank = |channels, pixels: &[u8]| {
            DecodedImage { width: 2, height: 2, channels, pixels: pixels.to_vec() }.is_blank()
        };
        assert!(blank(1, &[7, 7, 7, 7]) && blank(1, &[6, 7, 7, 7]));
        // Of 6 and 8 the standard deviation is 1.
        assert!(!blank(1, &[6, 6, 8, 8]));
        assert!(blank(3, &[255, 0, 9, 255, 0, 9, 255, 0, 9, 255, 1, 9]));
        assert!(!blank(3, &[255, 0, 9, 255, 0, 9, 255, 90, 9, 255, 0, 9]));
    }
}
