//! Gradient clipping by the norm of all gradients together, for `--clip-grad NORM`.
//!
//! | | |
//! |---|---|
//! | What | Where the gradient of all weights, as one vector, is longer than NORM, it is shortened to it before the update. |
//! | When it helps | A few batches with huge gradients: high rates, small batches, the first updates, wrong labels. It keeps a run alive rather than closing a gap. |
//! | Costs | One pass over the gradients. A NORM far below the usual length is a smaller learning rate in disguise. |
//! | Usual values | 1 to 5. |
//! | Reference | Pascanu et al. 2013, "On the difficulty of training recurrent neural networks". |

use tch::Tensor;

use crate::torch::lists;

/// Scales `gradients` in place so that their joint 2-norm is at most `limit`; smaller ones stay as they are.
/// Nothing is read to the host.
pub fn clip_to_norm(gradients: &mut [Tensor], limit: f64) {
    let _guard = tch::no_grad_guard();
    let gradients: Vec<&Tensor> = gradients.iter().collect();
    let factor = (limit / (lists::norms(&gradients).norm() + 1e-6)).clamp_max(1.0);
    lists::scale_all(&gradients, &factor);
}
