//! Stochastic gradient descent with momentum, as PyTorch defines it: the velocity sums gradients (no dampening) and the
//! rate multiplies the velocity, so that a change of rate acts at once.

use tch::Tensor;

/// The numbers of the rule.
#[derive(Clone, Debug)]
pub struct Sgd {
    /// Share of the velocity that is kept, in [0, 1).
    pub momentum: f64,
    /// Look one step ahead (Sutskever et al. 2013, in PyTorch's form).
    pub nesterov: bool,
}

impl Sgd {
    /// v ← momentum·v + g, p ← p − rate·v, where g includes decay·p; with nesterov p ← p − rate·(g + momentum·v).
    pub(super) fn update(
        &self,
        parameter: &mut Tensor,
        gradient: &Tensor,
        memory: &mut [Tensor],
        rate: f64,
        decay: f64,
    ) {
        let decayed;
        let gradient = if decay == 0.0 {
            gradient
        } else {
            decayed = gradient + &*parameter * decay;
            &decayed
        };
        if self.momentum == 0.0 {
            let _ = parameter.g_sub_(&(gradient * rate));
            return;
        }
        let velocity = &mut memory[0];
        let _ = velocity.g_mul_scalar_(self.momentum).g_add_(gradient);
        let direction = if self.nesterov { gradient + &*velocity * self.momentum } else { velocity.shallow_clone() };
        let _ = parameter.g_sub_(&(direction * rate));
    }
}
