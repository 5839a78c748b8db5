//! The posterior of the true class of each image, from its prediction and its label.

use super::{
    anchors::{anchors, without_learnt_noise},
    noise_fit::NoiseFit,
    transition::robust_transition,
};
use crate::stats::Logits;

/// Share of a network's errors that it makes with full confidence. Temperature scaling makes no allowance for them. With
/// 0.05 the stated probabilities agree with the truth on CIFAR-10N for networks of 65 % accuracy.
const CONFIDENT_ERRORS: f64 = 0.05;
/// Probability that two near-duplicate images belong to one class.
const SAME_CLASS: f64 = 0.9;

/// How the labels of a data set came about, estimated from predictions on images that the network was not trained on.
#[derive(Clone, Debug)]
pub struct LabelErrors {
    classes: usize,
    labels: Vec<usize>,
    /// Probabilities of the true classes before the label is known, \[n, c\].
    probabilities: Vec<f64>,
    /// Share of the images that belong to each class.
    shares: Vec<f64>,
    /// The probability of each label of an image of each class, `[true class][label]`.
    transition: Vec<Vec<f64>>,
}

impl LabelErrors {
    /// Estimates the errors in the labels of `logits`, finite and of `classes` classes.
    ///
    /// # Panics
    /// When there are fewer than two classes, no image, or a logit is not finite.
    pub fn estimate(logits: &Logits, classes: usize) -> Self {
        assert!(classes > 1 && !logits.is_empty(), "two classes and an image at least");
        assert!(logits.rows().all(|(row, _)| row.iter().all(|logit| logit.is_finite())), "logits are finite");
        let NoiseFit { probabilities: learnt, transition: fitted } = NoiseFit::of(logits, classes);
        let anchors = anchors(&learnt, classes);
        let total = product(&anchors, &fitted);
        let labels: Vec<usize> = logits.rows().map(|(_, label)| label).collect();

        let mut probabilities = Vec::with_capacity(learnt.len());
        let mut counts = vec![vec![0.0; classes]; classes];
        let mut errors = 0.0;
        for (row, &label) in learnt.chunks_exact(classes).zip(&labels) {
            let row = without_learnt_noise(row, &anchors);
            errors += 1.0 - row.iter().copied().fold(0.0, f64::max);
            let likelihoods = (0..classes).map(|class| total[class][label]);
            for (class, posterior) in
                normalised(row.iter().zip(likelihoods).map(|(p, l)| p * l)).into_iter().enumerate()
            {
                counts[class][label] += posterior;
            }
            probabilities.extend(row);
        }
        let n = labels.len() as f64;
        let shares: Vec<f64> = counts.iter().map(|row| row.iter().sum::<f64>() / n).collect();
        let lapse = CONFIDENT_ERRORS * errors / n;
        for row in probabilities.chunks_exact_mut(classes) {
            row.iter_mut().zip(&shares).for_each(|(p, share)| *p = (1.0 - lapse) * *p + lapse * share);
        }
        Self { classes, labels, probabilities, shares, transition: robust_transition(&counts) }
    }

    /// The probability of each true class of `image`, from its prediction, its label and the labels of its `near_duplicates`.
    /// However many these are, they count as one more label: that of one of them at random, which belongs to the class
    /// of the image with a probability of 0.9. Groups of images that merely look alike thus decide little.
    pub fn posterior(&self, image: usize, near_duplicates: &[usize]) -> Vec<f64> {
        let mut weights = self.probabilities[image * self.classes..][..self.classes].to_vec();
        for (class, weight) in weights.iter_mut().enumerate() {
            *weight *= self.transition[class][self.labels[image]];
            if near_duplicates.is_empty() {
                continue;
            }
            let mut likelihood = 0.0;
            for &other in near_duplicates {
                let label = self.labels[other];
                let elsewhere: f64 = (0..self.classes).map(|k| self.shares[k] * self.transition[k][label]).sum();
                likelihood += SAME_CLASS * self.transition[class][label] + (1.0 - SAME_CLASS) * elsewhere;
            }
            *weight *= likelihood / near_duplicates.len() as f64;
        }
        normalised(weights.into_iter())
    }
}

fn normalised(weights: impl Iterator<Item = f64>) -> Vec<f64> {
    let weights: Vec<f64> = weights.collect();
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / sum).collect()
}

fn product(a: &[Vec<f64>], b: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let mut product = vec![vec![0.0; b.len()]; a.len()];
    for (row, result) in a.iter().zip(&mut product) {
        for (factor, b_row) in row.iter().zip(b) {
            result.iter_mut().zip(b_row).for_each(|(sum, value)| *sum += factor * value);
        }
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        random::{Purpose, Stream},
        stats::golden::{assert_all_close, golden_of_label_errors},
    };

    #[test]
    fn the_estimate_agrees_with_numpy() {
        let golden = golden_of_label_errors();
        let classes = golden.classes();
        let (values, labels) = golden.logits();
        let errors = LabelErrors::estimate(&Logits::new(&values, &labels, classes), classes);
        assert_all_close(&errors.transition.concat(), &golden.numbers("transition"), 1e-9);
        let posteriors: Vec<f64> = (0..labels.len()).flat_map(|image| errors.posterior(image, &[])).collect();
        assert_all_close(&posteriors, &golden.numbers("posterior"), 1e-9);
        assert_all_close(&errors.posterior(0, &[1, 2]), &golden.numbers("with_near_duplicates"), 1e-9);
    }

    /// Logits of a network that is as sure as it may be, and labels of which `noise` are wrong, with whether each is.
    fn noisy(classes: usize, n: usize, margin: f32, noise: f64) -> (Vec<f32>, Vec<i64>, Vec<bool>) {
        let mut stream = Stream::new(3, Purpose::Resample, 0, 0);
        let (mut logits, mut labels, mut is_wrong) = (Vec::new(), Vec::new(), Vec::new());
        for image in 0..n {
            let mut row = vec![0f32; classes];
            row[image % classes] = margin;
            // A class is drawn from the network's own probabilities, so that these are calibrated.
            let certain = f64::from(margin).exp() / (f64::from(margin).exp() + (classes - 1) as f64);
            let other =
                |class: usize, stream: &mut Stream| (class + 1 + stream.below(classes as u32 - 1) as usize) % classes;
            let truth = if stream.uniform() < certain { image % classes } else { other(image % classes, &mut stream) };
            let wrong = stream.uniform() < noise;
            labels.push(if wrong { other(truth, &mut stream) } else { truth } as i64);
            is_wrong.push(wrong);
            logits.extend(row);
        }
        (logits, labels, is_wrong)
    }

    /// The expected share of wrong labels, 0–1.
    fn noise(errors: &LabelErrors) -> f64 {
        let wrong = |image: usize| 1.0 - errors.posterior(image, &[])[errors.labels[image]];
        (0..errors.labels.len()).map(wrong).sum::<f64>() / errors.labels.len() as f64
    }

    #[test]
    fn two_classes_or_a_hundred_are_possible() {
        for classes in [2, 100] {
            let (logits, labels, is_wrong) = noisy(classes, 4000, 9.0, 0.1);
            let errors = LabelErrors::estimate(&Logits::new(&logits, &labels, classes), classes);
            let found = |image: usize| errors.posterior(image, &[])[labels[image] as usize] < 0.5;
            let right = (0..labels.len()).filter(|&image| found(image) == is_wrong[image]).count();
            let noise = noise(&errors);
            assert!(right > 3900 && (noise - 0.1).abs() < 0.03, "{classes} classes: {right}, {noise}");
        }
    }

    #[test]
    fn right_labels_are_left_alone() {
        let (logits, labels, _) = noisy(10, 4000, 9.0, 0.0);
        let errors = LabelErrors::estimate(&Logits::new(&logits, &labels, 10), 10);
        assert!(noise(&errors) < 0.01, "{}", noise(&errors));
    }

    #[test]
    fn a_near_duplicate_with_the_same_label_speaks_for_it_and_one_with_another_against_it() {
        let (mut logits, mut labels, _) = noisy(3, 3000, 3.0, 0.1);
        // Three images that the network cannot decide on: 0 and 1 bear label 0, 2 bears label 1.
        logits[..9].copy_from_slice(&[1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0]);
        labels[..3].copy_from_slice(&[0, 0, 1]);
        let errors = LabelErrors::estimate(&Logits::new(&logits, &labels, 3), 3);
        let wrong = |others: &[usize]| 1.0 - errors.posterior(0, others)[0];
        assert!(wrong(&[1]) < wrong(&[]) && wrong(&[]) < wrong(&[2]), "{} {} {}", wrong(&[1]), wrong(&[]), wrong(&[2]));
    }
}
