//! What of the estimated label noise holds even if the network errs: the transition matrix used for the posterior.
//!
//! A network that often takes cats for dogs, and labels that call cats dogs, look alike: labels alone cannot tell them apart.
//! But the errors of a network whose probabilities are calibrated are symmetric, as many in either direction. So only
//! what one direction exceeds the other by is taken as noise between two particular classes; the rest is spread over all
//! classes in proportion to their labels. Spread evenly it would flood rare classes, whose labels would all be suspect.

/// How often one direction must be as frequent as the other before the surplus counts: some asymmetry remains in any network.
const FACTOR: f64 = 2.0;
/// Standard errors that the surplus must exceed.
const STANDARD_ERRORS: f64 = 2.0;

/// The share of each label among wrong labels of each class that are spread in proportion to the number of images with each
/// label, `sizes`, and one more: `[true class][label]`, 0 on the diagonal, rows sum to 1.
pub fn spread_by_frequency(sizes: &[f64]) -> Vec<Vec<f64>> {
    let all: f64 = sizes.iter().map(|size| size + 1.0).sum();
    let mut spread = vec![vec![0.0; sizes.len()]; sizes.len()];
    for (class, row) in spread.iter_mut().enumerate() {
        for (label, share) in row.iter_mut().enumerate().filter(|(label, _)| *label != class) {
            *share = (sizes[label] + 1.0) / (all - sizes[class] - 1.0);
        }
    }
    spread
}

/// The transition matrix `[true class][label]` from the expected number of images `counts` `[true class][label]`.
///
/// The rate of labels that are wrong in no particular direction is, for each true class, the mean of its own and the overall
/// rate.
pub fn robust_transition(counts: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let classes = counts.len();
    let sizes: Vec<f64> = counts.iter().map(|row| row.iter().sum()).collect();
    let label_sizes: Vec<f64> = (0..classes).map(|label| counts.iter().map(|row| row[label]).sum()).collect();
    let spread = spread_by_frequency(&label_sizes);
    let mut surplus = vec![vec![0.0; classes]; classes];
    let mut others = vec![0.0; classes];
    for class in 0..classes {
        for label in (0..classes).filter(|&label| label != class) {
            let [this, opposite] = [counts[class][label], counts[label][class]];
            let error = STANDARD_ERRORS * (this + opposite).sqrt();
            surplus[class][label] = (this - FACTOR * opposite - error).max(0.0);
            others[class] += this - surplus[class][label];
        }
    }
    let overall = others.iter().sum::<f64>() / sizes.iter().sum::<f64>();

    let mut transition = vec![vec![0.0; classes]; classes];
    for class in 0..classes {
        let size = sizes[class].max(1e-12);
        let rate = 0.5 * others[class] / size + 0.5 * overall;
        for label in (0..classes).filter(|&label| label != class) {
            transition[class][label] = surplus[class][label] / size + rate * spread[class][label];
        }
        let wrong: f64 = transition[class].iter().sum();
        transition[class][class] = 1.0 - wrong;
    }
    transition
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_labels_are_rare_among_wrong_ones() {
        let spread = spread_by_frequency(&[899.0, 99.0, 0.0]);
        assert_eq!(spread, [[0.0, 100.0 / 101.0, 1.0 / 101.0], [900.0 / 901.0, 0.0, 1.0 / 901.0], [0.9, 0.1, 0.0]]);
        assert_eq!(spread_by_frequency(&[7.0, 0.0]), [[0.0, 1.0], [1.0, 0.0]]);
    }

    #[test]
    fn symmetric_errors_are_spread_and_a_surplus_is_kept() {
        let symmetric = robust_transition(&[vec![900.0, 100.0, 0.0], vec![100.0, 900.0, 0.0], vec![0.0, 0.0, 1000.0]]);
        // Class 0: half of its own rate 0.1 and half of the overall 200 / 3000, over two labels that are equally frequent.
        let rate = 0.5 * 0.1 + 0.5 * 200.0 / 3000.0;
        assert!((symmetric[0][1] - rate / 2.0).abs() < 1e-12 && (symmetric[0][2] - rate / 2.0).abs() < 1e-12);

        let directed = robust_transition(&[vec![800.0, 200.0, 0.0], vec![0.0, 1000.0, 0.0], vec![0.0, 0.0, 1000.0]]);
        assert!(directed[0][1] > 0.17 && directed[1][0] < 0.01, "{directed:?}");
        for row in symmetric.iter().chain(&directed) {
            assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
    }
}
