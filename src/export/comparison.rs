//! Compares the outputs of two models, such as a network and its exported file.

use anyhow::{Result, ensure};
use tch::{Device, Kind, Tensor};

use super::Model;

/// The sizes of the batches on which models are compared: one image, a few, and many.
pub const BATCHES: [i64; 3] = [1, 3, 16];

/// The difference between two models' logits.
#[derive(Clone, Copy, Debug)]
pub struct OutputDifference {
    /// The largest absolute difference between two logits.
    pub largest: f64,
    /// The largest absolute value of the first model's logits.
    pub scale: f64,
}

impl OutputDifference {
    /// Compares two models on noise images `[n, channels, size, size]`, in batches of [`BATCHES`].
    ///
    /// # Errors
    /// A model fails, the logits have different shapes, or a logit is not finite.
    pub fn between(a: &dyn Model, b: &dyn Model, channels: u32, size: u32) -> Result<Self> {
        let mut difference = Self { largest: 0.0, scale: 0.0 };
        for n in BATCHES {
            let images = noise([n, channels.into(), size.into(), size.into()]);
            let left = a.logits(&images)?.to_device(Device::Cpu);
            let right = b.logits(&images)?.to_device(Device::Cpu);
            ensure!(left.size() == right.size(), "logits of shape {:?} and of {:?}", left.size(), right.size());
            let largest = (&left - right).abs().max().double_value(&[]);
            let scale = left.abs().max().double_value(&[]);
            ensure!(largest.is_finite() && scale.is_finite(), "a logit is not finite");
            difference.largest = difference.largest.max(largest);
            difference.scale = difference.scale.max(scale);
        }
        Ok(difference)
    }

    /// Whether the models agree within `tolerance`. It is relative to the largest logit where that is above 1, since
    /// float32 has seven digits.
    pub fn within(self, tolerance: f64) -> bool {
        self.largest <= tolerance * self.scale.max(1.0)
    }
}

/// Pseudo-random bytes, the same in every call.
fn noise(shape: [i64; 4]) -> Tensor {
    let count: i64 = shape.iter().product();
    // Knuth's multiplicative hash of the index.
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
