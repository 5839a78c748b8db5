//! Logit adjustment for classes of different size, for `--logit-adjust TAU`.
//!
//! | | |
//! |---|---|
//! | What | In training, TAU times the logarithm of each class's share of the training images is added to its logit. The network need not learn any more that a class is rare: its own logits, by which it is measured and used, treat all classes as equally frequent. |
//! | When it helps | When classes are of very different size and the small ones matter as much: recall averaged over classes rises. Unlike class weights it also acts where the network fits its training images already. |
//! | Costs | Plain accuracy and val loss, which count images, usually get a little worse: probabilities are those of equally frequent classes. |
//! | Usual values | 1 |
//! | Reference | Menon et al. 2021, "Long-tail learning via logit adjustment", equation 10. |

/// What is added to the logit of each class in training, where `counts` are the images of each class. A class without images
/// counts as one of one image.
pub fn adjustments(counts: &[usize], tau: f64) -> Vec<f32> {
    let total = counts.iter().sum::<usize>().max(1) as f64;
    counts.iter().map(|&count| (tau * (count.max(1) as f64 / total).ln()) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rare_class_is_lowered_more() {
        let added = adjustments(&[90, 10, 0], 2.0);
        for (added, expected) in added.into_iter().zip([0.9f32.ln(), 0.1f32.ln(), 0.01f32.ln()]) {
            assert!((added - 2.0 * expected).abs() < 1e-5, "{added} {expected}");
        }
    }
}
