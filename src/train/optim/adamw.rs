//! AdamW: Adam with decoupled weight decay (Loshchilov and Hutter 2019), with PyTorch's defaults.

use tch::Tensor;

/// The numbers of the rule.
#[derive(Clone, Debug)]
pub struct AdamW {
    /// Decay of the mean of the gradients.
    pub beta1: f64,
    /// Decay of the mean of their squares.
    pub beta2: f64,
    /// Keeps the division finite.
    pub epsilon: f64,
}

impl Default for AdamW {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
    }
}

impl AdamW {
    /// p ← p·(1 − rate·decay) − rate·m̂ / (√v̂ + ε); `updates` counts from 1 and corrects the bias of the young means.
    pub(super) fn update(
        &self,
        parameter: &mut Tensor,
        gradient: &Tensor,
        memory: &mut [Tensor],
        rate: f64,
        decay: f64,
        updates: u64,
    ) {
        let [first, second] = memory else { unreachable!("AdamW keeps two moments") };
        let _ = first.g_mul_scalar_(self.beta1).g_add_(&(gradient * (1.0 - self.beta1)));
        let _ = second.g_mul_scalar_(self.beta2).g_add_(&(gradient.square() * (1.0 - self.beta2)));
        let corrected = |beta: f64| 1.0 - beta.powf(updates as f64);
        let divisor = (&*second / corrected(self.beta2)).sqrt() + self.epsilon;
        let _ = parameter.g_mul_scalar_(1.0 - rate * decay);
        let _ = parameter.g_sub_(&(&*first / divisor * (rate / corrected(self.beta1))));
    }
}
