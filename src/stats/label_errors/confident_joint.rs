//! The confident joint: how often images of each label are confidently predicted as each class.
//!
//! Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", JAIR 2021, section 3.1.

use crate::stats::{Logits, softmax};

/// Counts the images of each label, `[label][class]`, that are confidently predicted as a class: with at least the mean
/// probability that the images labelled with the class give it. Of several such classes the most probable counts, of equal
/// ones the first; images without one are not counted. Each class counts at least one image of its own label. A class that
/// labels no image is never predicted confidently.
///
/// The counts are those of `compute_confident_joint(calibrate=False)` in cleanlab.
pub fn confident_joint(logits: &Logits, classes: usize) -> Vec<Vec<usize>> {
    // cleanlab allows for rounding in the same way.
    const ROUNDING: f64 = 1e-6;
    let mut sums = vec![0.0; classes];
    let mut sizes = vec![0usize; classes];
    for (row, label) in logits.rows() {
        sums[label] += softmax(row, 1.0)[label];
        sizes[label] += 1;
    }
    let mut joint = vec![vec![0; classes]; classes];
    for (row, label) in logits.rows() {
        let probabilities = softmax(row, 1.0);
        let is_confident = |class: &usize| {
            sizes[*class] > 0 && probabilities[*class] >= sums[*class] / sizes[*class] as f64 - ROUNDING
        };
        let confident = (0..classes).filter(is_confident);
        let chosen = confident.reduce(|best, next| if probabilities[next] > probabilities[best] { next } else { best });
        if let Some(class) = chosen {
            joint[label][class] += 1;
        }
    }
    for (class, row) in joint.iter_mut().enumerate() {
        row[class] = row[class].max(1);
    }
    joint
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::golden::golden_of_label_errors;

    #[test]
    fn counts_agree_with_cleanlab() {
        let golden = golden_of_label_errors();
        let (values, labels) = golden.logits();
        let joint = confident_joint(&Logits::new(&values, &labels, golden.classes()), golden.classes());
        let counts: Vec<f64> = joint.into_iter().flatten().map(|count| count as f64).collect();
        assert_eq!(counts, golden.numbers("confident_joint"));
    }

    #[test]
    fn a_class_without_images_is_never_chosen() {
        let logits = [3.0, 0.0, 9.0, 0.0, 3.0, 9.0];
        assert_eq!(confident_joint(&Logits::new(&logits, &[0, 1], 3), 3), [[1, 0, 0], [0, 1, 0], [0, 0, 1]]);
    }
}
