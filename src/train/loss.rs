//! The training objective.

use tch::Tensor;

/// Mean cross-entropy of `logits` `[n, classes]` against class numbers `labels` `[n]`, a scalar in nats.
pub fn cross_entropy(logits: &Tensor, labels: &Tensor) -> Tensor {
    logits.cross_entropy_for_logits(labels)
}
