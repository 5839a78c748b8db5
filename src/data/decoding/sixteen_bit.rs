//! Images of 16 bits a channel: which of their values are in use, and how those become bytes.
//!
//! Cameras, X-ray detectors and microscopes write 10, 12 or 14 bits into 16, and some programs write 8. So the values in
//! use are looked for over all images of train and val, and the whole set is scaled by them, every image alike.

/// The values of 16-bit images that become 0 and 255; those outside become the nearest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    low: u16,
    high: u16,
}

impl Range {
    /// All values: the high byte stays.
    pub const FULL: Self = Self { low: 0, high: u16::MAX };

    /// From the two numbers of a recipe.
    pub fn of([low, high]: [u16; 2]) -> Self {
        Self { low: low.min(high), high: low.max(high) }
    }

    /// The two numbers of a recipe.
    pub fn numbers(self) -> [u16; 2] {
        [self.low, self.high]
    }

    /// The byte for `value`: the range is divided into 256 equal steps.
    pub fn byte(self, value: u16) -> u8 {
        let steps = u32::from(self.high - self.low) + 1;
        (u32::from(value.clamp(self.low, self.high) - self.low) * 256 / steps).min(255) as u8
    }
}

/// The values of 16-bit images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SixteenBitValues {
    /// Images.
    pub images: u64,
    least: u16,
    most: u16,
    /// How many values have so many bits, 0 to 16.
    by_bits: [u64; 17],
}

impl SixteenBitValues {
    /// The values of one image.
    pub fn of(samples: impl Iterator<Item = u16>) -> Self {
        let mut values = Self { images: 1, least: u16::MAX, ..Self::default() };
        for value in samples {
            (values.least, values.most) = (values.least.min(value), values.most.max(value));
            values.by_bits[bits(value)] += 1;
        }
        values
    }

    /// Adds those of other images.
    pub fn add(&mut self, other: &Self) {
        if self.images == 0 {
            *self = *other;
        } else if other.images > 0 {
            self.images += other.images;
            (self.least, self.most) = (self.least.min(other.least), self.most.max(other.most));
            (0..17).for_each(|bits| self.by_bits[bits] += other.by_bits[bits]);
        }
    }

    /// The values in use, of 8 bits at least: from 0 to what as many bits as the largest value has can hold, so that a few
    /// images more or less seldom change it. Where all values lie far from 0, from the smallest to the largest. None
    /// without an image.
    pub fn range(&self) -> Option<Range> {
        let spread = self.most.checked_sub(self.least).filter(|_| self.images > 0)?;
        if bits(spread).max(8) + 2 <= bits(self.most) {
            let high = self.most.max(self.least.saturating_add(255));
            return Some(Range { low: self.least.min(high - 255), high });
        }
        Some(Range { low: 0, high: (1u32 << bits(self.most).max(8)).wrapping_sub(1) as u16 })
    }

    /// Whether `range` is not wide enough for all of them.
    pub fn exceed(&self, range: Range) -> bool {
        let [low, high] = range.numbers();
        self.images > 0 && (self.least < low || self.most > high)
    }

    /// What to say of images of test that use values outside `range`, if they do.
    pub fn note_of_test(&self, range: Range) -> Option<String> {
        let [low, high] = range.numbers();
        self.exceed(range).then(|| {
            format!(
                "The 16-bit images of test have values {} to {}; those outside {low} to {high}, which train and val use, \
                 become the nearest.",
                self.least, self.most
            )
        })
    }

    /// What to say of the images, scaled by `range`.
    pub fn note(&self, range: Range) -> String {
        let [low, high] = range.numbers();
        let plural = if self.images == 1 { "" } else { "s" };
        let mut note = format!("{} 16-bit image{plural}: values {} to {}", self.images, self.least, self.most);
        note += &format!("; {low} to {high} become 0 to 255");
        note += if range == Range::FULL { "." } else { " (--range-16bit)." };
        if self.exceed(range) {
            note += " Values outside become the nearest.";
        }
        let (all, mut below) = (self.by_bits.iter().sum::<u64>(), 0);
        let most = self.by_bits.iter().position(|count| {
            below += count;
            below as f64 >= 0.999 * all as f64
        });
        let most = (1u32 << most.unwrap_or(16)) - 1;
        let levels = usize::from(range.byte(most.min(u32::from(u16::MAX)) as u16)) + 1;
        if levels <= 32 {
            note +=
                &format!(" 99.9 % of the values are at most {most}, for which {levels} of the 256 levels are left.");
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
    fn values_outside_a_range_are_said() {
        let range = Range::of([10, 4095]);
        for (values, exceed) in [(&[10, 4095][..], false), (&[9, 50], true), (&[50, 4096], true), (&[], false)] {
            let mut all = SixteenBitValues::default();
            values.iter().for_each(|&value| all.add(&SixteenBitValues::of([value].into_iter())));
            assert_eq!((all.exceed(range), all.note_of_test(range).is_some()), (exceed, exceed), "{values:?}");
        }
    }

    #[test]
    fn few_levels_are_said() {
        let mut values = SixteenBitValues::of((0..10_000).map(|i| i % 400));
        values.add(&SixteenBitValues::of([65_535].into_iter()));
        let note = values.note(values.range().unwrap());
        assert!(note.starts_with("2 16-bit images: values 0 to 65535; 0 to 65535 become 0 to 255."), "{note}");
        assert!(
            note.contains("99.9 % of the values are at most 511, for which 2 of the 256 levels are left"),
            "{note}"
        );
        let even = SixteenBitValues::of((0..4096).step_by(3));
        assert!(!even.note(even.range().unwrap()).contains("99.9"));
    }
}
