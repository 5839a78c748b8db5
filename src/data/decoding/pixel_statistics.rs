//! Mean and standard deviation of pixels from integer sums, which are exact and independent of the order of addition.

use super::shape::Shape;

/// Sums over pixels, per channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PixelSums {
    /// Number of pixels in each channel.
    n: u64,
    /// Sums of the values 0–255 and of their squares. 64 bits suffice for 10¹⁴ pixels.
    values: [u64; 3],
    squares: [u64; 3],
}

impl PixelSums {
    /// Sums over one image `[channels, size, size]`.
    pub fn of(pixels: &[u8], shape: Shape) -> Self {
        let area = shape.bytes() / shape.channels as usize;
        let mut sums = Self { n: area as u64, ..Self::default() };
        for (channel, plane) in pixels.chunks_exact(area).enumerate() {
            sums.values[channel] = plane.iter().map(|&value| u64::from(value)).sum();
            sums.squares[channel] = plane.iter().map(|&value| u64::from(value).pow(2)).sum();
        }
        sums
    }

    /// Adds the sums over other pixels.
    pub fn add(&mut self, other: &Self) {
        self.n += other.n;
        for channel in 0..3 {
            self.values[channel] += other.values[channel];
            self.squares[channel] += other.squares[channel];
        }
    }

    /// Serialises the sums as numbers.
    pub fn to_numbers(self) -> [u64; 7] {
        let ([a, b, c], [d, e, f]) = (self.values, self.squares);
        [self.n, a, b, c, d, e, f]
    }

    /// Restores the sums from [`PixelSums::to_numbers`]; `None` if the count of numbers is wrong.
    pub fn from_numbers(numbers: &[u64]) -> Option<Self> {
        let &[n, a, b, c, d, e, f] = numbers else { return None };
        Some(Self { n, values: [a, b, c], squares: [d, e, f] })
    }

    /// Mean and standard deviation (over n, not n − 1) of each of the first `channels`, values scaled to 0..1.
    pub fn mean_and_std(&self, channels: u32) -> (Vec<f32>, Vec<f32>) {
        let n = self.n.max(1);
        let moments = |channel: usize| {
            let (values, squares) = (u128::from(self.values[channel]), u128::from(self.squares[channel]));
            let variance = (u128::from(n) * squares - values * values) as f64 / (n as f64).powi(2);
            ((values as f64 / n as f64 / 255.0) as f32, (variance.sqrt() / 255.0) as f32)
        };
        (0..channels as usize).map(moments).unzip()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_parts_give_mean_and_std_of_the_whole() {
        let shape = Shape { channels: 3, size: 2 };
        let mut sums = PixelSums::of(&[0, 0, 255, 255, 10, 10, 10, 10, 0, 51, 102, 153], shape);
        sums.add(&PixelSums::of(&[255, 255, 0, 0, 10, 10, 10, 10, 204, 255, 0, 51], shape));
        let (mean, std) = sums.mean_and_std(3);
        // numpy: mean and std of the eight values of each channel, divided by 255.
        assert_eq!(mean, [0.5, 10.0 / 255.0, 0.4]);
        assert_eq!(std[..2], [0.5, 0.0]);
        assert!((std[2] - 0.346_410_16).abs() < 1e-7, "{std:?}");
    }
}
