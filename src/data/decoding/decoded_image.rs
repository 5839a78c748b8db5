//! One decoded image on the host.

/// Decoded pixels at the file's own size, in the data set's channels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodedImage {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// 1 (grey) or 3 (red, green, blue).
    pub channels: u32,
    /// `[height, width, channels]`, 0–255.
    pub pixels: Vec<u8>,
}

impl DecodedImage {
    /// The picture in `channels` (1 or 3) whose samples are stored pixel by pixel as grey (`stored` 1), grey and alpha
    /// (2), RGB (3) or RGB and alpha (4).
    ///
    /// Alpha is dropped, not blended, and grey is made as Pillow's `convert("RGB")` and `convert("L")` do it.
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

    /// The same picture in `channels` (1 or 3).
    pub fn into_channels(self, channels: u32) -> Self {
        Self::from_samples(self.width, self.height, self.pixels, self.channels as usize, channels)
    }
}

/// Luma of ITU-R BT.601 in 16-bit fixed point, rounded: Pillow's `convert("L")` to the bit.
fn grey(r: u8, g: u8, b: u8) -> u8 {
    ((u32::from(r) * 19_595 + u32::from(g) * 38_470 + u32::from(b) * 7_471 + 0x8000) >> 16) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `Image.new("RGB", (1, 1), rgb).convert("L").getpixel((0, 0))` of Pillow.
    #[test]
    fn grey_is_pillows() {
        for (rgb, luma) in [
            ([255, 255, 255], 255),
            ([255, 0, 0], 76),
            ([0, 255, 0], 150),
            ([0, 0, 255], 29),
            ([1, 2, 3], 2),
            ([10, 200, 30], 124),
            ([123, 45, 67], 71),
        ] {
            assert_eq!(grey(rgb[0], rgb[1], rgb[2]), luma, "{rgb:?}");
        }
    }

    #[test]
    fn alpha_is_dropped_and_grey_repeated() {
        let picture = |samples: &[u8], stored, channels| {
            DecodedImage::from_samples(1, 1, samples.to_vec(), stored, channels).pixels
        };
        assert_eq!(picture(&[9, 0], 2, 1), [9]);
        assert_eq!(picture(&[9, 0], 2, 3), [9, 9, 9]);
        assert_eq!(picture(&[9], 1, 3), [9, 9, 9]);
        assert_eq!(picture(&[255, 0, 0, 0], 4, 3), [255, 0, 0]);
        assert_eq!(picture(&[255, 0, 0, 0], 4, 1), [76]);
    }
}
