//! Gradient clipping by the norm of all gradients together (Pascanu et al. 2013).

use tch::{Kind, Tensor};

/// Scales `gradients` in place so that their joint 2-norm is at most `limit`; smaller ones stay as they are.
/// Nothing is read to the host.
pub fn clip_to_norm(gradients: &mut [Tensor], limit: f64) {
    let _guard = tch::no_grad_guard();
    let squares: Vec<Tensor> = gradients.iter().map(|gradient| gradient.square().sum(Kind::Float)).collect();
    let norm = Tensor::stack(&squares, 0).sum(Kind::Float).sqrt();
    let factor = (limit / (norm + 1e-6)).clamp_max(1.0);
    for gradient in gradients {
        let _ = gradient.g_mul_(&factor);
    }
}
