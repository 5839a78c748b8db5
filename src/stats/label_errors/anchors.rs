//! What a network has learnt of the noise in its labels, read off its anchor points, and taken out of its probabilities.
//!
//! A network that fits noisy labels well predicts the noise with the class: where a tenth of the dogs are labelled cat, it gives
//! even the plainest dog 10 % of cat. The image that it is surest of, the anchor point of the class, shows this row of the
//! transition matrix (Liu and Tao, "Classification with Noisy Labels by Importance Reweighting", TPAMI 2016; Patrini et al.,
//! "Making Deep Neural Networks Robust to Label Noise", CVPR 2017). A regularised network has learnt none of it, and its
//! anchor points have probability 1.

/// Iterations of the deconvolution. It is exact after one where the anchor points have probability 1, and has converged in all that
/// matters after 20 where they have 0.7.
const ITERATIONS: usize = 20;

/// The probabilities of each class's most probable image, of equal ones the first: `[class][class]`. `probabilities` are
/// \[n, c\].
pub fn anchors(probabilities: &[f64], classes: usize) -> Vec<Vec<f64>> {
    let mut anchors = vec![vec![0.0; classes]; classes];
    for row in probabilities.chunks_exact(classes) {
        for class in 0..classes {
            if row[class] > anchors[class][class] {
                anchors[class] = row.to_vec();
            }
        }
    }
    anchors
}

/// The probabilities \[c\] of which `anchors` makes the probabilities `row`: `row` = result · `anchors`, solved approximately and
/// without negative entries by the iteration of Richardson (1972) and Lucy (1974), which maximises the likelihood.
pub fn without_learnt_noise(row: &[f64], anchors: &[Vec<f64>]) -> Vec<f64> {
    let classes = row.len();
    let mut result = row.to_vec();
    for _ in 0..ITERATIONS {
        let mut ratios = row.to_vec();
        for class in 0..classes {
            let mixed: f64 = (0..classes).map(|source| result[source] * anchors[source][class]).sum();
            ratios[class] /= mixed.max(1e-300);
        }
        for class in 0..classes {
            result[class] *= (0..classes).map(|target| anchors[class][target] * ratios[target]).sum::<f64>();
        }
    }
    let sum: f64 = result.iter().sum();
    result.into_iter().map(|probability| probability / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::golden::assert_all_close;

    #[test]
    fn learnt_noise_is_taken_out() {
        // The network has learnt that a fifth of class 0 is labelled 1.
        let rows = [[0.8, 0.2], [0.0, 1.0], [0.4, 0.6]];
        let anchors = anchors(&rows.concat(), 2);
        assert_eq!(anchors, [[0.8, 0.2], [0.0, 1.0]]);
        for (row, clean) in rows.iter().zip([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]]) {
            assert_all_close(&without_learnt_noise(row, &anchors), &clean, 0.02);
        }
    }

    #[test]
    fn a_network_that_has_learnt_none_is_left_alone() {
        let rows = [[1.0, 0.0], [0.0, 1.0], [0.3, 0.7]];
        let anchors = anchors(&rows.concat(), 2);
        for row in rows {
            assert_all_close(&without_learnt_noise(&row, &anchors), &row, 1e-12);
        }
    }
}
