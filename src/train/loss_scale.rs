//! Loss scaling for float16, whose smallest number is 6e-8: gradients below would vanish.
//!
//! The loss is multiplied before the backward pass and the gradients divided after it. Where one of them left the range
//! of float16 the update is left out and the factor halved; after 2,000 updates in a row without that it is doubled
//! (Micikevicius et al. 2018, "Mixed precision training"; the numbers are those of PyTorch's `GradScaler`). Everything
//! is computed on the device: the host never waits to learn whether an update was left out.

use tch::{Device, Kind, Tensor};

use crate::torch::lists;

const FIRST_SCALE: f64 = 65_536.0;
/// Updates in a row that must go well before the factor grows.
const GROWTH_INTERVAL: f64 = 2000.0;

/// The factor, and how long it has done well.
#[derive(Debug)]
pub struct LossScale {
    /// The factor, a scalar.
    scale: Tensor,
    /// Updates since it last changed, a scalar.
    clean_updates: Tensor,
}

impl LossScale {
    /// The scale of a run's first update.
    pub fn new(device: Device) -> Self {
        let scalar = |value: f64| Tensor::from(value as f32).to_device(device);
        Self { scale: scalar(FIRST_SCALE), clean_updates: scalar(0.0) }
    }

    /// `loss`, scaled.
    pub fn scale(&self, loss: &Tensor) -> Tensor {
        loss * &self.scale
    }

    /// Divides the gradients of a scaled loss, and says whether one of them is not finite: a float32 `[1]`, 1 where it is
    /// so and 0 elsewhere.
    pub fn unscale(&self, gradients: &mut [Tensor]) -> Tensor {
        let found_inf = Tensor::zeros([1], (Kind::Float, self.scale.device()));
        lists::unscale_all(&gradients.iter().collect::<Vec<_>>(), &self.scale.reciprocal(), &found_inf);
        found_inf
    }

    /// Adapts the factor after an update; `found_inf` is what [`Self::unscale`] said.
    pub fn adapt(&mut self, found_inf: &Tensor) {
        let overflown = &found_inf.squeeze().gt(0.0);
        let clean = &self.clean_updates + 1.0;
        let grows = clean.ge(GROWTH_INTERVAL);
        let grown = (&self.scale * 2.0).where_self(&grows, &self.scale);
        self.scale.copy_(&(&self.scale * 0.5).where_self(overflown, &grown));
        self.clean_updates.copy_(&clean.masked_fill(&grows.logical_or(overflown), 0.0));
    }

    /// Its state by name.
    pub fn state(&self) -> [(String, &Tensor); 2] {
        [("loss_scale/scale".to_owned(), &self.scale), ("loss_scale/clean_updates".to_owned(), &self.clean_updates)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(scale: &LossScale) -> [f64; 2] {
        scale.state().map(|(_, tensor)| tensor.double_value(&[]))
    }

    #[test]
    fn gradients_come_back_as_they_were_and_overflow_is_seen() {
        let scale = LossScale::new(Device::Cpu);
        let mut gradients = [Tensor::from_slice(&[65_536f32, -131_072.0]), Tensor::from_slice(&[0f32])];
        assert_eq!(scale.unscale(&mut gradients), Tensor::from_slice(&[0f32]));
        assert!(gradients[0].equal(&Tensor::from_slice(&[1f32, -2.0])));
        for wrong in [f32::INFINITY, f32::NEG_INFINITY, f32::NAN] {
            let mut gradients = [Tensor::from_slice(&[1f32, 2.0]), Tensor::from_slice(&[3.0, wrong])];
            assert_eq!(scale.unscale(&mut gradients), Tensor::from_slice(&[1f32]), "{wrong}");
        }
    }

    #[test]
    fn the_scale_halves_after_an_overflow_and_doubles_after_two_thousand_good_updates() {
        let mut scale = LossScale::new(Device::Cpu);
        let (well, overflown) = (Tensor::from_slice(&[0f32]), Tensor::from_slice(&[1f32]));
        scale.adapt(&well);
        assert_eq!(state(&scale), [65_536.0, 1.0]);
        scale.adapt(&overflown);
        assert_eq!(state(&scale), [32_768.0, 0.0]);
        (0..1999).for_each(|_| scale.adapt(&well));
        assert_eq!(state(&scale), [32_768.0, 1999.0]);
        scale.adapt(&well);
        assert_eq!(state(&scale), [65_536.0, 0.0]);
    }
}
