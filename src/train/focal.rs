//! The focal loss, for `--focal GAMMA`.
//!
//! | | |
//! |---|---|
//! | What | The cross-entropy of each image is multiplied by (1 − p)^GAMMA, where p is the probability that the network gives to the right class: what it knows already counts little. With smoothed, mixed or soft targets each class has a factor of its own. |
//! | When it helps | Where most images are easy and the hard ones matter; against overconfidence, since it asks for less certainty than cross-entropy does. |
//! | Costs | Predictions become underconfident, which raises val loss unless a temperature is fitted. Images with wrong labels are hard too, and count more. |
//! | Usual values | 2; 1 to 3 against overconfidence. |
//! | Reference | Lin et al. 2017, "Focal loss for dense object detection"; Mukhoti et al. 2020, "Calibrating deep neural networks using focal loss". |

use tch::{Kind, Tensor};

/// Mean focal loss of `logits` `[n, classes]`, a scalar in nats: Σ t (1 − p)^`gamma` (−log p) over the classes, with targets t
/// smoothed by `smoothing`, in [0, 1). With `gamma` 0 it is [`cross_entropy`](super::loss::cross_entropy).
///
/// `targets` are class numbers `[n]` (i64) or probabilities `[n, classes]`. `class_weights` `[classes]` weigh the images, or, with
/// probabilities, the classes: with class numbers the mean is the weighted one.
pub fn focal_loss(
    logits: &Tensor,
    targets: &Tensor,
    class_weights: Option<&Tensor>,
    smoothing: f64,
    gamma: f64,
) -> Tensor {
    let (n, classes) = logits.size2().expect("logits are [n, classes]");
    let has_labels = targets.dim() == 1;
    let hard =
        if has_labels { targets.one_hot(classes).to_kind(logits.kind()) } else { targets.to_kind(logits.kind()) };
    let soft = hard * (1.0 - smoothing) + smoothing / classes as f64;
    let logs = logits.log_softmax(-1, logits.kind());
    // Where p is 1 up to rounding, 1 − p must not fall below 0, whose power has no gradient.
    let others = (-logs.exp() + 1.0).clamp_min(1e-6);
    let mut terms = soft * others.pow_tensor_scalar(gamma) * -logs;
    match class_weights {
        Some(weights) if has_labels => {
            let of_images = weights.index_select(0, targets);
            terms *= of_images.unsqueeze(1);
            return terms.sum(logits.kind()) / of_images.sum(Kind::Float);
        }
        Some(weights) => terms *= weights,
        None => {}
    }
    // A number of the host, whose copy to a device would wait for it.
    terms.sum(logits.kind()) / n as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::loss::cross_entropy;

    fn logits() -> Tensor {
        Tensor::from_slice(&[0.5f32.ln(), 0.25f32.ln(), 0.25f32.ln(), 0.1f32.ln(), 0.8f32.ln(), 0.1f32.ln()])
            .view([2, 3])
    }

    #[test]
    fn what_the_network_knows_counts_little() {
        // Labels of probability 0.5 and 0.8: (0.5² · ln 2 + 0.2² · ln 1.25) / 2.
        let loss = focal_loss(&logits(), &Tensor::from_slice(&[0i64, 1]), None, 0.0, 2.0).double_value(&[]);
        let expected = (0.25 * 2f64.ln() + 0.04 * 1.25f64.ln()) / 2.0;
        assert!((loss - expected).abs() < 1e-6, "{loss} {expected}");
    }

    #[test]
    fn without_gamma_it_is_cross_entropy() {
        let labels = Tensor::from_slice(&[2i64, 1]);
        let soft = Tensor::from_slice(&[0.6f32, 0.4, 0.0, 0.0, 0.3, 0.7]).view([2, 3]);
        let weights = Tensor::from_slice(&[3f32, 1.0, 0.5]);
        for (targets, weights) in [(&labels, None), (&labels, Some(&weights)), (&soft, None), (&soft, Some(&weights))] {
            for smoothing in [0.0, 0.2] {
                let [focal, plain] = [
                    focal_loss(&logits(), targets, weights, smoothing, 0.0),
                    cross_entropy(&logits(), targets, weights, smoothing),
                ];
                assert!((focal - plain).abs().double_value(&[]) < 1e-6, "{targets} {weights:?} {smoothing}");
            }
        }
    }

    #[test]
    fn certain_predictions_have_a_finite_gradient() {
        let logits = Tensor::from_slice(&[200f32, 0.0, 0.0, 200.0]).view([2, 2]).set_requires_grad(true);
        let loss = focal_loss(&logits, &Tensor::from_slice(&[0i64, 0]), None, 0.0, 0.5);
        loss.backward();
        assert!(logits.grad().isfinite().all().int64_value(&[]) == 1 && loss.double_value(&[]).is_finite());
    }
}
