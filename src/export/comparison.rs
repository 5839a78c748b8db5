//! Do two forms of one network agree?

use anyhow::{Result, ensure};
use tch::{Kind, Tensor};

use super::Model;

/// Sizes of the batches on which models are compared: one image, a few, and many.
pub const BATCHES: [i64; 3] = [1, 3, 16];

/// How far apart two models' logits are.
#[derive(Clone, Copy, Debug)]
pub struct OutputDifference {
    /// The largest difference of two logits.
    pub largest: f64,
    /// The largest logit.
    pub scale: f64,
}

impl OutputDifference {
    /// Compares two models on images of noise `[n, channels, size, size]`, in batches of [`BATCHES`].
    ///
    /// # Errors
    /// A model fails, or their outputs have different shapes or are no numbers.
    pub fn between(a: &dyn Model, b: &dyn Model, channels: u32, size: u32) -> Result<Self> {
        let mut difference = Self { largest: 0.0, scale: 0.0 };
        for n in BATCHES {
            let images = noise([n, channels.into(), size.into(), size.into()]);
            let (left, right) = (a.logits(&images)?, b.logits(&images)?);
            ensure!(left.size() == right.size(), "logits of {:?} against {:?}", left.size(), right.size());
            let (left, right) = (left.to_device(tch::Device::Cpu), right.to_device(tch::Device::Cpu));
            let largest = |x: Tensor| x.abs().max().double_value(&[]);
            let (apart, scale) = (largest(&left - &right), largest(left));
            ensure!(apart.is_finite() && scale.is_finite(), "logits that are no numbers");
            difference.largest = difference.largest.max(apart);
            difference.scale = difference.scale.max(scale);
        }
        Ok(difference)
    }

    /// Whether the models agree within `tolerance`, taken of the largest logit where that is above 1: float32 has seven
    /// digits.
    pub fn within(self, tolerance: f64) -> bool {
        self.largest <= tolerance * self.scale.max(1.0)
    }
}

/// Bytes that look random and are always the same.
fn noise(shape: [i64; 4]) -> Tensor {
    let count: i64 = shape.iter().product();
    // Knuth's multiplicative hash of the position.
    let bytes: Vec<u8> = (0..count as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 23) as u8).collect();
    Tensor::from_slice(&bytes).view(shape).to_kind(Kind::Uint8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tolerance_grows_with_the_logits() {
        assert!(OutputDifference { largest: 9e-6, scale: 0.1 }.within(1e-5));
        assert!(!OutputDifference { largest: 2e-5, scale: 0.1 }.within(1e-5));
        assert!(OutputDifference { largest: 2e-5, scale: 30.0 }.within(1e-5));
    }

    #[test]
    fn noise_uses_every_byte() {
        let values = Vec::<u8>::try_from(noise([4, 1, 32, 32]).reshape([-1])).unwrap();
        let seen: std::collections::BTreeSet<u8> = values.into_iter().collect();
        assert!(seen.len() > 200, "{}", seen.len());
    }
}
