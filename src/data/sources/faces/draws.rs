//! Random numbers in `f32`, computed by the four basic operations alone.

use crate::random::{Purpose, Stream};

/// The random numbers of one sample.
///
/// Neither this type nor the rendering calls a transcendental function, whose last bit differs between machines. Sums,
/// products, quotients and square roots are equal in every bit on all machines, and so are the images.
pub struct FaceDraws(Stream);

impl FaceDraws {
    /// Starts the numbers of sample `index`.
    pub fn new(data_seed: u64, index: u32) -> Self {
        Self(Stream::new(data_seed, Purpose::Faces, 0, index))
    }

    /// Uniform in [low, high).
    pub fn range(&mut self, low: f32, high: f32) -> f32 {
        self.0.range(f64::from(low), f64::from(high)) as f32
    }

    /// True with the given probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.0.uniform() < probability
    }

    /// -1 or 1.
    pub fn sign(&mut self) -> f32 {
        if self.chance(0.5) { -1.0 } else { 1.0 }
    }

    /// Uniform in 0..n.
    pub fn below(&mut self, n: u32) -> u32 {
        self.0.below(n)
    }

    /// 32 random bits.
    pub fn bits(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// An index of `weights`, drawn with a probability proportional to its weight.
    pub fn weighted(&mut self, weights: &[u32]) -> usize {
        let mut left = self.below(weights.iter().sum());
        weights
            .iter()
            .position(|&weight| {
                let found = left < weight;
                left = left.wrapping_sub(weight);
                found
            })
            .expect("the draw lies below the sum of the weights")
    }

    /// Nearly normal with mean 0 and variance 1: the sum of the four bytes of one word. Its absolute value stays below 3.5.
    pub fn bell(&mut self) -> f32 {
        let sum: u32 = self.bits().to_le_bytes().into_iter().map(u32::from).sum();
        // Four uniform bytes have mean 510 and variance 4 · (256² − 1) / 12 = 147.8².
        (sum as f32 - 510.0) / 147.8
    }
}
