//! Loss scaling for float16, whose smallest number is 6e-8: gradients below would vanish.
//!
//! The loss is multiplied by a scale before the backward pass and the gradients are divided by it afterwards. Where a
//! gradient exceeds the range of float16 the update is skipped and the scale halved; after 2,000 updates in a row without
//! an overflow the scale is doubled (Micikevicius et al. 2018, "Mixed precision training"; with the numbers of PyTorch's
//! `GradScaler`). Everything is computed on the device, so that the host never waits to learn whether an update was
//! skipped.

use anyhow::Result;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::torch::{self, lists};

const FIRST_SCALE: f64 = 65_536.0;
/// Updates in a row without an overflow before the scale grows.
const GROWTH_INTERVAL: f64 = 2000.0;

/// The state of a loss scale as plain numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LossScaleState {
    /// What the loss is multiplied by.
    pub scale: f64,
    /// Updates since the scale last changed.
    pub clean_updates: f64,
    /// Updates skipped so far.
    #[serde(default)]
    pub skipped: f64,
}

impl Default for LossScaleState {
    fn default() -> Self {
        Self { scale: FIRST_SCALE, clean_updates: 0.0, skipped: 0.0 }
    }
}

/// The loss scale, on the device.
#[derive(Debug)]
pub struct LossScale {
    /// What the loss is multiplied by, a float32 scalar.
    scale: Tensor,
    /// Updates since the scale last changed, a float32 scalar.
    clean_updates: Tensor,
    /// Updates skipped so far, a float32 scalar.
    skipped: Tensor,
}

/// What an optimizer must know of the gradients of a scaled loss; everything is on the device.
#[derive(Debug)]
pub struct Overflow {
    /// A float32 `[1]`: 1 where one of the gradients is not finite, so that the update must be skipped, 0 elsewhere.
    pub found_inf: Tensor,
    /// Updates skipped before this one, a float32 scalar.
    pub skipped: Tensor,
}

impl LossScale {
    /// The scale of a run's first update.
    pub fn new(device: Device) -> Self {
        let mut scale = Self {
            scale: Tensor::zeros([], (Kind::Float, device)),
            clean_updates: Tensor::zeros([], (Kind::Float, device)),
            skipped: Tensor::zeros([], (Kind::Float, device)),
        };
        scale.set_state(&LossScaleState::default());
        scale
    }

    /// Multiplies `loss` by the scale.
    pub fn scale(&self, loss: &Tensor) -> Tensor {
        loss * &self.scale
    }

    /// Divides the gradients of a scaled loss by the scale, and finds whether one of them is not finite.
    pub fn unscale(&self, gradients: &mut [Tensor]) -> Overflow {
        let found_inf = Tensor::zeros([1], (Kind::Float, self.scale.device()));
        lists::unscale_all(&gradients.iter().collect::<Vec<_>>(), &self.scale.reciprocal(), &found_inf);
        Overflow { found_inf, skipped: self.skipped.copy() }
    }

    /// Adapts the scale after an update; `overflow` is what [`Self::unscale`] returned.
    pub fn adapt(&mut self, overflow: &Overflow) {
        let found_inf = &overflow.found_inf.squeeze().gt(0.0);
        let clean = &self.clean_updates + 1.0;
        let grows = clean.ge(GROWTH_INTERVAL);
        let grown = (&self.scale * 2.0).where_self(&grows, &self.scale);
        self.scale.copy_(&(&self.scale * 0.5).where_self(found_inf, &grown));
        self.clean_updates.copy_(&clean.masked_fill(&grows.logical_or(found_inf), 0.0));
        self.skipped += found_inf;
    }

    /// The state, read from the device.
    ///
    /// # Errors
    /// An exception of libtorch.
    pub fn state(&self) -> Result<LossScaleState> {
        Ok(LossScaleState {
            scale: torch::read_number(&self.scale)?,
            clean_updates: torch::read_number(&self.clean_updates)?,
            skipped: torch::read_number(&self.skipped)?,
        })
    }

    /// Replaces the state.
    pub fn set_state(&mut self, state: &LossScaleState) {
        let _ = self.scale.fill_(state.scale);
        let _ = self.clean_updates.fill_(state.clean_updates);
        let _ = self.skipped.fill_(state.skipped);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(scale: &LossScale) -> [f64; 2] {
        let LossScaleState { scale, clean_updates, .. } = scale.state().unwrap();
        [scale, clean_updates]
    }

    fn overflow(found_inf: f32) -> Overflow {
        Overflow { found_inf: Tensor::from_slice(&[found_inf]), skipped: Tensor::from(0f32) }
    }

    #[test]
    fn gradients_are_unscaled_exactly_and_an_overflow_is_found() {
        let scale = LossScale::new(Device::Cpu);
        let mut gradients = [Tensor::from_slice(&[65_536f32, -131_072.0]), Tensor::from_slice(&[0f32])];
        assert_eq!(scale.unscale(&mut gradients).found_inf, Tensor::from_slice(&[0f32]));
        assert!(gradients[0].equal(&Tensor::from_slice(&[1f32, -2.0])));
        for wrong in [f32::INFINITY, f32::NEG_INFINITY, f32::NAN] {
            let mut gradients = [Tensor::from_slice(&[1f32, 2.0]), Tensor::from_slice(&[3.0, wrong])];
            assert_eq!(scale.unscale(&mut gradients).found_inf, Tensor::from_slice(&[1f32]), "{wrong}");
        }
    }

    #[test]
    fn the_scale_halves_after_an_overflow_and_doubles_after_two_thousand_good_updates() {
        let mut scale = LossScale::new(Device::Cpu);
        let (finite, overflow) = (overflow(0.0), overflow(1.0));
        scale.adapt(&finite);
        assert_eq!(state(&scale), [65_536.0, 1.0]);
        scale.adapt(&overflow);
        assert_eq!(state(&scale), [32_768.0, 0.0]);
        (0..1999).for_each(|_| scale.adapt(&finite));
        assert_eq!(state(&scale), [32_768.0, 1999.0]);
        scale.adapt(&finite);
        assert_eq!(state(&scale), [65_536.0, 0.0]);
        assert_eq!(scale.state().unwrap().skipped, 1.0);
        assert_eq!(scale.unscale(&mut []).skipped.double_value(&[]), 1.0);
    }
}
