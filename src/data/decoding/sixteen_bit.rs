//! Images with 16 bits per channel: the range of values in use, and its mapping to bytes.
//!
//! Cameras, X-ray detectors and microscopes store 10, 12 or 14 bits in 16, and some programs store 8. The range in use is
//! therefore determined over all images of train and val, and scales every image of the data set.

/// The 16-bit values that become 0 and 255. Values outside the range are clamped to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    low: u16,
    high: u16,
}

impl Range {
    /// All values: maps each to its high byte.
    pub const FULL: Self = Self { low: 0, high: u16::MAX };

    /// The range between two numbers in any order.
    pub fn of([low, high]: [u16; 2]) -> Self {
        Self { low: low.min(high), high: low.max(high) }
    }

    /// The smallest and the largest value.
    pub fn numbers(self) -> [u16; 2] {
        [self.low, self.high]
    }

    /// Maps `value` to a byte. The range is divided into 256 equal steps.
    pub fn byte(self, value: u16) -> u8 {
        let steps = u32::from(self.high - self.low) + 1;
        (u32::from(value.clamp(self.low, self.high) - self.low) * 256 / steps).min(255) as u8
    }
}

/// Statistics of the values in 16-bit images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SixteenBitValues {
    /// Number of images.
    pub images: u64,
    least: u16,
    most: u16,
    /// Number of values by their number of significant bits, 0 to 16.
    by_bits: [u64; 17],
}

impl SixteenBitValues {
    /// The statistics of one image.
    pub fn of(samples: impl Iterator<Item = u16>) -> Self {
        let mut values = Self { images: 1, least: u16::MAX, ..Self::default() };
        for value in samples {
            (values.least, values.most) = (values.least.min(value), values.most.max(value));
            values.by_bits[bits(value)] += 1;
        }
        values
    }

    /// Adds the statistics of other images.
    pub fn add(&mut self, other: &Self) {
        if self.images == 0 {
            *self = *other;
        } else if other.images > 0 {
            self.images += other.images;
            (self.least, self.most) = (self.least.min(other.least), self.most.max(other.most));
            (0..17).for_each(|bits| self.by_bits[bits] += other.by_bits[bits]);
        }
    }

    /// The range in use, at least 8 bits wide. It extends from 0 to the largest number with as many bits as the largest
    /// value, so that a few images more or less seldom change it. If all values are far from 0, it extends from the smallest
    /// to the largest value. None without an image.
    pub fn range(&self) -> Option<Range> {
        let spread = self.most.checked_sub(self.least).filter(|_| self.images > 0)?;
        if bits(spread).max(8) + 2 <= bits(self.most) {
            let high = self.most.max(self.least.saturating_add(255));
            return Some(Range { low: self.least.min(high - 255), high });
        }
        Some(Range { low: 0, high: (1u32 << bits(self.most).max(8)).wrapping_sub(1) as u16 })
    }

    /// Whether any value lies outside `range`.
    pub fn exceed(&self, range: Range) -> bool {
        let [low, high] = range.numbers();
        self.images > 0 && (self.least < low || self.most > high)
    }

    /// A note on images of test with values outside `range`, if there are any.
    pub fn note_of_test(&self, range: Range) -> Option<String> {
        let [low, high] = range.numbers();
        self.exceed(range).then(|| {
            format!(
                "The 16-bit images of test have values {} to {}; those outside {low} to {high}, which train and val use, \
                 are clamped.",
                self.least, self.most
            )
        })
    }

    /// A note on the images, scaled by `range`.
    pub fn note(&self, range: Range) -> String {
        let [low, high] = range.numbers();
        let plural = if self.images == 1 { "" } else { "s" };
        let mut note = format!("{} 16-bit image{plural}: values {} to {}", self.images, self.least, self.most);
        note += &format!("; {low} to {high} become 0 to 255");
        note += if range == Range::FULL { "." } else { " (`options.range_16bit`)." };
        if self.exceed(range) {
            note += " Values outside are clamped.";
        }
        let (all, mut below) = (self.by_bits.iter().sum::<u64>(), 0);
        let most = self.by_bits.iter().position(|count| {
            below += count;
            below as f64 >= 0.999 * all as f64
        });
        let most = (1u32 << most.unwrap_or(16)) - 1;
        let levels = usize::from(range.byte(most.min(u32::from(u16::MAX)) as u16)) + 1;
        if levels <= 32 {
            note += &format!(" 99.9 % of the values are at most {most}, which leaves {levels} of the 256 levels.");
        }
        note
    }
}

fn bits(value: u16) -> usize {
    (u16::BITS - value.leading_zeros()) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_is_that_of_the_bits_in_use() {
        for (values, expected) in [
            (&[0, 4095][..], [0, 4095]),
            (&[17, 1100], [0, 2047]),
            (&[0, 255], [0, 255]),
            (&[0, 1], [0, 255]),
            (&[0, 0], [0, 255]),
            (&[9, 65_535], [0, 65_535]),
            (&[1, 40_000], [0, 65_535]),
            // Far from 0, as computed tomography is with an offset.
            (&[31_744, 35_839], [31_744, 35_839]),
            (&[30_000, 30_002], [30_000, 30_255]),
            (&[65_530, 65_535], [65_280, 65_535]),
            (&[1000, 1100], [1000, 1255]),
            (&[300, 400], [0, 511]),
        ] {
            let mut all = SixteenBitValues::default();
            values.iter().for_each(|&value| all.add(&SixteenBitValues::of([value].into_iter())));
            assert_eq!(all.range().unwrap().numbers(), expected, "{values:?}");
            assert_eq!(all.images, values.len() as u64);
        }
        assert_eq!(SixteenBitValues::default().range(), None);
    }

    #[test]
    fn a_range_is_divided_evenly() {
        let twelve = Range::of([0, 4095]);
        assert!((0..=4095).all(|value| twelve.byte(value) == (value >> 4) as u8));
        assert!((0..=u16::MAX).all(|value| Range::FULL.byte(value) == (value >> 8) as u8));
        assert!((0..=255).all(|value| Range::of([0, 255]).byte(value) == value as u8));
        assert_eq!([0, 100, 199, 9999].map(|value| Range::of([100, 199]).byte(value)), [0, 0, 253, 253]);
        assert_eq!(Range::of([7, 7]).byte(9), 0);
    }

    #[test]
    fn values_outside_a_range_are_noted() {
        let range = Range::of([10, 4095]);
        for (values, exceed) in [(&[10, 4095][..], false), (&[9, 50], true), (&[50, 4096], true), (&[], false)] {
            let mut all = SixteenBitValues::default();
            values.iter().for_each(|&value| all.add(&SixteenBitValues::of([value].into_iter())));
            assert_eq!((all.exceed(range), all.note_of_test(range).is_some()), (exceed, exceed), "{values:?}");
        }
    }

    #[test]
    fn a_small_number_of_levels_is_noted() {
        let mut values = SixteenBitValues::of((0..10_000).map(|i| i % 400));
        values.add(&SixteenBitValues::of([65_535].into_iter()));
        let note = values.note(values.range().unwrap());
        assert!(note.starts_with("2 16-bit images: values 0 to 65535; 0 to 65535 become 0 to 255."), "{note}");
        assert!(note.contains("99.9 % of the values are at most 511, which leaves 2 of the 256 levels"), "{note}");
        let even = SixteenBitValues::of((0..4096).step_by(3));
        assert!(!even.note(even.range().unwrap()).contains("99.9"));
    }
}
