//! The training check: a small convolutional network takes steps of SGD, and its loss must fall.

use std::time::Instant;

use anyhow::{Result, ensure};
use serde::Serialize;
use tch::{Device, Kind, TchError, Tensor};

use mindgap::random::{Purpose, Stream};

const BATCH: i64 = 64;
const CLASSES: i64 = 7;
const RATE: f64 = 0.05;

/// Result of two training steps.
#[derive(Debug, Serialize)]
pub struct Step {
    /// Seconds of the second step; the first one also loads libraries.
    pub seconds: f64,
    /// Cross-entropy [nats per image] before the first step.
    pub loss_before: f64,
    /// Cross-entropy [nats per image] on the same images after the first step.
    pub loss_after: f64,
}

/// Takes two steps on 64 random images of 48×48 pixels: convolutions, batch norm, backward, update.
/// Fails if an operator is missing on `device`, memory runs out, or the loss is not finite or does not fall.
pub fn train_two_steps(device: Device) -> Result<Step> {
    let mut net = Net::new(device)?;
    let mut draws = Stream::new(0, Purpose::Init, 0, 1);
    let images = normal(&mut draws, &[BATCH, 1, 48, 48], 1.0)?.f_to_device(device)?;
    let labels = Tensor::f_arange(BATCH, (Kind::Int64, Device::Cpu))?.f_remainder(CLASSES)?.f_to_device(device)?;

    let loss_before = net.step(&images, &labels)?;
    let start = Instant::now();
    let loss_after = net.step(&images, &labels)?;
    let seconds = start.elapsed().as_secs_f64();
    ensure!(
        loss_before.is_finite() && loss_after < loss_before,
        "a training step changed the loss from {loss_before} to {loss_after}, but it must fall. Run mindgap doctor again; \
         if the fault persists, the hardware or this libtorch is defective"
    );
    Ok(Step { seconds, loss_before, loss_after })
}

/// Convolution 1→16 and 16→32, each 3×3 with stride 2, batch norm and ReLU; mean over the image; linear to the classes.
struct Net {
    parameters: [Tensor; 3],
}

impl Net {
    fn new(device: Device) -> Result<Self> {
        let mut draws = Stream::new(0, Purpose::Init, 0, 0);
        // He's initialisation: variance 2 / fan-in.
        let mut weights = |shape: &[i64]| -> Result<Tensor> {
            let fan_in: i64 = shape[1..].iter().product();
            let weights = normal(&mut draws, shape, (2.0 / fan_in as f64).sqrt())?;
            Ok(weights.f_to_device(device)?.f_set_requires_grad(true)?)
        };
        Ok(Self { parameters: [weights(&[16, 1, 3, 3])?, weights(&[32, 16, 3, 3])?, weights(&[CLASSES, 32])?] })
    }

    /// Takes one step and returns the loss before it. `images` `[n, 1, h, w]`, `labels` `[n]`.
    fn step(&mut self, images: &Tensor, labels: &Tensor) -> Result<f64, TchError> {
        let [first, second, linear] = &self.parameters;
        let features = block(&block(images, first)?, second)?.f_mean_dim([2i64, 3].as_slice(), false, Kind::Float)?;
        let loss = features.f_linear(linear, None::<&Tensor>)?.f_cross_entropy_loss(
            labels,
            None::<&Tensor>,
            tch::Reduction::Mean,
            -100,
            0.0,
        )?;
        loss.f_backward()?;
        let _guard = tch::no_grad_guard();
        for parameter in &mut self.parameters {
            let mut gradient = parameter.f_grad()?;
            let _ = parameter.f_sub_(&gradient.f_mul_scalar(RATE)?)?;
            let _ = gradient.f_zero_()?;
        }
        // Reading the loss waits for the device, so that the measured time includes the computation.
        loss.f_double_value(&[])
    }
}

fn block(x: &Tensor, weights: &Tensor) -> Result<Tensor, TchError> {
    let none = None::<&Tensor>;
    x.f_conv2d(weights, none, 2, 1, 1, 1)?.f_batch_norm(none, none, none, none, true, 0.1, 1e-5, true)?.f_relu()
}

fn normal(draws: &mut Stream, shape: &[i64], deviation: f64) -> Result<Tensor, TchError> {
    let count: i64 = shape.iter().product();
    let values: Vec<f32> = (0..count).map(|_| (deviation * draws.normal()) as f32).collect();
    Tensor::f_from_slice(&values)?.f_view(shape)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_trains() {
        let step = train_two_steps(Device::Cpu).unwrap();
        // Guessing among seven classes costs ln 7 = 1.95 nats; random weights are close to it.
        assert!((1.0..4.0).contains(&step.loss_before), "{step:?}");
        assert!(step.seconds > 0.0);
    }

    #[test]
    fn an_absent_device_is_an_error_and_not_a_panic() {
        assert!(train_two_steps(Device::Cuda(99)).is_err());
    }
}
