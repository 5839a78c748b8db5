//! Logit adjustment for classes of different size, for `--logit-adjust TAU`.
//!
//! | | |
//! |---|---|
//! | What | In training, TAU times the logarithm of each class's share of the training images is added to its logit. The network need not learn any more that a class is rare: its own logits, by which it is measured and used, treat all classes as equally frequent. |
//! | When it helps | When classes are of very different size and the small ones matter as much: recall averaged over classes rises. Unlike class weights it also acts where the network fits its training images already. |
//! | Costs | Plain accuracy and val loss, which count images, usually get a little worse: probabilities are those of equally frequent classes. Label smoothing is spread by the adjusted shares, so that it is even for the network's own logits; a teacher that was not adjusted is compared with the adjusted ones. |
//! | Usual values | 1 |
//! | Reference | Menon et al. 2021, "Long-tail learning via logit adjustment", equation 10. |

/// What is added to the logit of each class in training, where `shares` are the shares of the classes in the targets of so many
/// `images`. A class without images counts as one of one image.
pub fn adjustments(shares: &[f64], images: usize, tau: f64) -> Vec<f32> {
    let least = 1.0 / images.max(1) as f64;
    shares.iter().map(|share| (tau * share.max(least).ln()) as f32).collect()
}

/// The shares of the classes where `counts` are the images of each.
pub fn shares(counts: &[usize]) -> Vec<f64> {
    let total = counts.iter().sum::<usize>().max(1) as f64;
    counts.iter().map(|&count| count as f64 / total).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rare_class_is_lowered_more() {
        let added = adjustments(&shares(&[90, 10, 0]), 100, 2.0);
        for (added, expected) in added.into_iter().zip([0.9f32.ln(), 0.1f32.ln(), 0.01f32.ln()]) {
            assert!((added - 2.0 * expected).abs() < 1e-5, "{added} {expected}");
        }
    }
}
