//! Normalisation of bytes to floats with mean 0 and standard deviation 1 over the training set.

use tch::{Device, Kind, Tensor};

/// `(x / 255 − mean) / std` for each channel, as one multiplication and one addition.
#[derive(Debug)]
pub struct Normalize {
    /// `1 / (255 std)`, `[1, c, 1, 1]`.
    pub(super) scale: Tensor,
    /// `−mean / std`, `[1, c, 1, 1]`.
    pub(super) shift: Tensor,
}

impl Normalize {
    /// From the mean and standard deviation of each channel on the scale 0 to 1.
    pub fn new(mean: &[f32], std: &[f32], device: Device) -> Self {
        let column = |values: Vec<f32>| Tensor::from_slice(&values).view([1, -1, 1, 1]).to_device(device);
        let (scale, shift) = Self::factors(mean, std);
        Self { scale: column(scale), shift: column(shift) }
    }

    /// The normalisation to the scale 0 to 1 alone.
    pub(super) fn to_unit(&self) -> Self {
        Self { scale: self.scale.full_like(1.0 / 255.0), shift: self.shift.zeros_like() }
    }

    /// The remaining normalisation after [`Self::to_unit`].
    pub(super) fn after_unit(&self) -> Self {
        Self { scale: &self.scale * 255.0, shift: self.shift.shallow_clone() }
    }

    /// The factor `1 / (255 std)` of each channel, and the summand `−mean / std`.
    pub fn factors(mean: &[f32], std: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let scale = std.iter().map(|std| 1.0 / (255.0 * std)).collect();
        let shift = mean.iter().zip(std).map(|(mean, std)| -mean / std).collect();
        (scale, shift)
    }

    /// The device of its numbers.
    pub fn device(&self) -> Device {
        self.scale.device()
    }

    /// The float32 images of 0 to 255 that [`Self::forward`] made `normalized` of.
    pub fn invert(&self, normalized: &Tensor) -> Tensor {
        (normalized - &self.shift) / &self.scale
    }

    /// Normalises uint8 or float32 images `[n, c, h, w]` to float32 of the same shape.
    pub fn forward(&self, images: &Tensor) -> Tensor {
        (images.to_kind(Kind::Float) * &self.scale).g_add_(&self.shift)
    }
}

impl Clone for Normalize {
    /// Shares the tensors, which are never changed.
    fn clone(&self) -> Self {
        Self { scale: self.scale.shallow_clone(), shift: self.shift.shallow_clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_channel_is_centred_and_scaled_by_its_own_statistics() {
        let images = Tensor::from_slice(&[0u8, 255, 51, 102]).view([1, 2, 1, 2]);
        let normal = Normalize::new(&[0.5, 0.2], &[0.25, 0.1], Device::Cpu).forward(&images);
        let expected = Tensor::from_slice(&[-2.0f32, 2.0, 0.0, 2.0]).view([1, 2, 1, 2]);
        assert!(normal.allclose(&expected, 1e-6, 1e-6, false), "{normal:?}");
        let back = Normalize::new(&[0.5, 0.2], &[0.25, 0.1], Device::Cpu).invert(&normal);
        assert!(back.allclose(&images.to_kind(Kind::Float), 1e-6, 1e-4, false), "{back:?}");
    }
}
