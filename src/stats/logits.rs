//! Losses, predictions and confidences from a network's outputs.

/// The logits of n images over c classes with the classes they truly belong to.
#[derive(Clone, Copy, Debug)]
pub struct Logits<'a> {
    values: &'a [f32],
    labels: &'a [i64],
    classes: usize,
}

impl<'a> Logits<'a> {
    /// `values` are the logits \[n, c\] in row-major order, `labels` the classes \[n\] in 0..c, `classes` is c.
    ///
    /// # Panics
    /// When the sizes do not fit or a label is out of range. The caller must exclude both.
    pub fn new(values: &'a [f32], labels: &'a [i64], classes: usize) -> Self {
        assert!(classes > 0 && values.len() == labels.len() * classes, "logits are one row of {classes} per label");
        assert!(labels.iter().all(|label| (0..classes as i64).contains(label)), "labels lie in 0..{classes}");
        Self { values, labels, classes }
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Each image's logits \[c\] with its label.
    pub fn rows(&self) -> impl Iterator<Item = (&'a [f32], usize)> + use<'a> {
        self.values.chunks_exact(self.classes).zip(self.labels.iter().map(|&label| label as usize))
    }

    /// The cross-entropy of each image \[nats\] after its logits are divided by `temperature`; 1 leaves them unchanged.
    ///
    /// A row with a logit that is not finite gives NaN or ∞.
    pub fn losses(&self, temperature: f64) -> Vec<f64> {
        self.rows().map(|(row, label)| -log_softmax(row, 1.0 / temperature)[label]).collect()
    }

    /// Whether the largest logit of each image is its label's. Of equal largest ones the first counts, as in PyTorch's
    /// `argmax`. A row with a NaN is wrong.
    pub fn correct(&self) -> Vec<bool> {
        self.predicted().into_iter().zip(self.labels).map(|(class, &label)| class == Some(label as usize)).collect()
    }

    /// The class of each image's largest logit; of equal ones the first. None where a logit is NaN.
    pub fn predicted(&self) -> Vec<Option<usize>> {
        self.rows().map(|(row, _)| largest(row)).collect()
    }

    /// Whether the label of each image is among its `k` largest logits. A row with a NaN is wrong.
    pub fn in_top(&self, k: usize) -> Vec<bool> {
        let mut in_top = Vec::with_capacity(self.len());
        for (row, label) in self.rows() {
            let has_nan = row.iter().any(|logit| logit.is_nan());
            let before = (0..row.len())
                .filter(|&class| row[class] > row[label] || row[class] == row[label] && class < label)
                .count();
            in_top.push(!has_nan && before < k);
        }
        in_top
    }

    /// The probability of each image's most probable class, in \[1/c, 1\].
    pub fn confidences(&self) -> Vec<f64> {
        self.rows().map(|(row, _)| log_softmax(row, 1.0).into_iter().fold(f64::NAN, f64::max).exp()).collect()
    }
}

/// The class probabilities of one image from its logits \[c\], divided by `temperature`.
pub fn softmax(row: &[f32], temperature: f64) -> Vec<f64> {
    log_softmax(row, 1.0 / temperature).into_iter().map(f64::exp).collect()
}

/// The logarithms of the class probabilities of one image, its logits multiplied by `scale`.
pub(super) fn log_softmax(row: &[f32], scale: f64) -> Vec<f64> {
    let scaled: Vec<f64> = row.iter().map(|&logit| scale * f64::from(logit)).collect();
    // The largest logit is subtracted, so that no exponential overflows.
    let top = scaled.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let log_sum = scaled.iter().map(|logit| (logit - top).exp()).sum::<f64>().ln();
    scaled.into_iter().map(|logit| logit - top - log_sum).collect()
}

fn largest(row: &[f32]) -> Option<usize> {
    if row.iter().any(|logit| logit.is_nan()) {
        return None;
    }
    (0..row.len()).reduce(|best, next| if row[next] > row[best] { next } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::golden::{assert_all_close, golden};

    #[test]
    fn losses_predictions_and_confidences_agree_with_scipy() {
        let golden = golden();
        let (values, labels) = golden.logits();
        let logits = Logits::new(&values, &labels, golden.classes());
        assert_all_close(&logits.losses(1.0), &golden.numbers("losses"), 1e-12);
        assert_all_close(&logits.losses(1.7), &golden.numbers("losses_at_1.7"), 1e-12);
        assert_all_close(&logits.confidences(), &golden.numbers("confidences"), 1e-12);
        let correct: Vec<f64> = logits.correct().into_iter().map(f64::from).collect();
        assert_eq!(correct, golden.numbers("correct"));
    }

    #[test]
    fn top_k_agrees_with_scikit_learn_and_top_1_is_the_first_of_the_largest() {
        let golden = crate::stats::golden::golden_of_classes();
        let values: Vec<f32> = golden.numbers("logits").into_iter().map(|logit| logit as f32).collect();
        let labels: Vec<i64> = golden.numbers("logit_labels").into_iter().map(|label| label as i64).collect();
        let logits = Logits::new(&values, &labels, golden.classes());
        assert_eq!(logits.in_top(1), logits.correct());
        for k in [1, 2, 5] {
            let share = crate::stats::percent(&logits.in_top(k)) / 100.0;
            assert_all_close(&[share], &[golden.number(&format!("top_{k}"))], 1e-15);
        }
        assert_eq!(Logits::new(&[2.0; 4], &[0, 1], 2).correct(), [true, false]);
        assert_eq!(Logits::new(&[f32::NAN, 1.0, 2.0, 2.0], &[1, 1], 2).in_top(1), [false, false]);
    }

    #[test]
    fn extreme_logits_neither_overflow_nor_vanish() {
        let logits = [3e38, -3e38, 1e4, 0.0];
        let logits = Logits::new(&logits, &[1, 1], 2);
        let losses = logits.losses(1.0);
        assert!(losses[0] > 5.9e38 && losses[0].is_finite());
        assert_eq!(losses[1], 1e4);
    }

    #[test]
    fn a_nan_makes_its_row_nan_and_wrong_and_no_other() {
        let logits = [f32::NAN, 1.0, 1.0, f32::NAN, 0.0, 1.0];
        let logits = Logits::new(&logits, &[0, 0, 1], 2);
        let losses = logits.losses(1.0);
        assert!(losses[0].is_nan() && losses[1].is_nan() && losses[2].is_finite());
        assert_eq!(logits.correct(), [false, false, true]);
    }
}
