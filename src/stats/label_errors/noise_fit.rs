//! Temperature, class weights and transition matrix that make the labels most likely.
//!
//! The model: an image with logits z has true class k with probability q\[k\] = softmax(β z + b)\[k\] and is labelled j with
//! probability Σ q\[k\] T\[k\]\[j\]. Noise and temperature are told apart by the shape of the errors: a network that is merely
//! unsure errs where its probabilities are close, a wrong label appears anywhere. Expectation-maximisation as for a noise layer
//! (Sukhbaatar et al., "Training Convolutional Networks with Noisy Labels", ICLR workshop 2015; Goldberger and Ben-Reuven,
//! "Training deep neural-networks using a noise adaptation layer", ICLR 2017), on a finished network.

use super::{confident_joint::confident_joint, transition::spread_by_frequency};
use crate::stats::Logits;

/// Images of each class that the prior of T weighs as much as: labels that are wrong at the overall rate, the wrong ones in
/// proportion to the labels there are. Between 10 and 100 nothing changes that matters.
const PRIOR: f64 = 30.0;
/// The iteration ends when no entry of T, nor β in relation to itself, changes by more.
const TOLERANCE: f64 = 1e-4;
/// Iterations at most. Some 50 suffice where labels and network agree at all.
const ITERATIONS: usize = 300;
/// Bounds of β, the inverse temperature.
const BETAS: [f64; 2] = [0.05, 20.0];

/// The fitted model.
pub struct NoiseFit {
    /// Probabilities of the true classes before the label is known, \[n, c\] in row-major order.
    pub probabilities: Vec<f64>,
    /// `[true class][label]`, rows sum to 1.
    pub transition: Vec<Vec<f64>>,
}

impl NoiseFit {
    /// Fits the model to finite `logits` of `classes` classes.
    pub fn of(logits: &Logits, classes: usize) -> Self {
        let mut beta = 1.0;
        let mut bias = vec![0.0; classes];
        let mut sizes = vec![0.0; classes];
        logits.rows().for_each(|(_, label)| sizes[label] += 1.0);
        let spread = spread_by_frequency(&sizes);
        let mut transition = smoothed(&first_counts(logits, &sizes), &spread);
        for _ in 0..ITERATIONS {
            let step = Expectation::of(logits, beta, &bias, &transition);
            let next_transition = smoothed(&step.counts, &spread);
            let mut change = largest_change(&transition, &next_transition);
            transition = next_transition;
            // Iterative scaling: the mean probability of each class approaches its mean posterior.
            for (class, bias) in bias.iter_mut().enumerate() {
                let expected: f64 = step.counts[class].iter().sum();
                *bias += ((expected + 1.0) / (step.predicted[class] + 1.0)).ln();
            }
            let next_beta = step.next_beta(beta);
            change = change.max((next_beta / beta - 1.0).abs());
            beta = next_beta;
            if change < TOLERANCE {
                break;
            }
        }
        let probabilities = logits.rows().flat_map(|(row, _)| scaled_softmax(row, beta, &bias)).collect();
        Self { probabilities, transition }
    }
}

/// What one pass over the images gives.
struct Expectation {
    /// Expected number of images, `[true class][label]`.
    counts: Vec<Vec<f64>>,
    /// Sum of the probabilities of each class.
    predicted: Vec<f64>,
    /// First and second derivative of the expected loss with respect to β.
    slope: f64,
    curvature: f64,
}

impl Expectation {
    fn of(logits: &Logits, beta: f64, bias: &[f64], transition: &[Vec<f64>]) -> Self {
        let classes = bias.len();
        let mut sums = Self {
            counts: vec![vec![0.0; classes]; classes],
            predicted: vec![0.0; classes],
            slope: 0.0,
            curvature: 0.0,
        };
        for (row, label) in logits.rows() {
            let probabilities = scaled_softmax(row, beta, bias);
            let total: f64 = (0..classes).map(|class| probabilities[class] * transition[class][label]).sum();
            // Distances from the label's logit keep the sums small.
            let [mut mean, mut square, mut expected] = [0.0; 3];
            for class in 0..classes {
                let posterior = probabilities[class] * transition[class][label] / total;
                let distance = f64::from(row[class]) - f64::from(row[label]);
                sums.counts[class][label] += posterior;
                sums.predicted[class] += probabilities[class];
                mean += probabilities[class] * distance;
                square += probabilities[class] * distance * distance;
                expected += posterior * distance;
            }
            sums.slope += mean - expected;
            sums.curvature += square - mean * mean;
        }
        sums
    }

    /// One step of Newton's method, to half or twice β at most.
    fn next_beta(&self, beta: f64) -> f64 {
        let step = if self.curvature > 0.0 { self.slope / self.curvature } else { 0.0 };
        (beta - step).clamp(beta / 2.0, beta * 2.0).clamp(BETAS[0], BETAS[1])
    }
}

/// The confident joint, scaled so that each label counts as many images as carry it, `sizes`; `[true class][label]`.
fn first_counts(logits: &Logits, sizes: &[f64]) -> Vec<Vec<f64>> {
    let classes = sizes.len();
    let joint = confident_joint(logits, classes);
    let mut counts = vec![vec![0.0; classes]; classes];
    for (label, row) in joint.iter().enumerate() {
        let confident: usize = row.iter().sum();
        for (class, &count) in row.iter().enumerate() {
            counts[class][label] = count as f64 / confident as f64 * sizes[label];
        }
    }
    counts
}

/// The transition matrix that `counts` give with the prior. Wrong labels of a class are `spread` over the others.
fn smoothed(counts: &[Vec<f64>], spread: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let classes = counts.len();
    let all: f64 = counts.iter().flatten().sum();
    let wrong = 1.0 - (0..classes).map(|class| counts[class][class]).sum::<f64>() / all;
    let mut transition = vec![vec![0.0; classes]; classes];
    for (class, row) in counts.iter().enumerate() {
        let images: f64 = row.iter().sum();
        for (label, count) in row.iter().enumerate() {
            let share = if label == class { 1.0 - wrong } else { wrong * spread[class][label] };
            transition[class][label] = (count + PRIOR * share) / (images + PRIOR);
        }
    }
    transition
}

fn largest_change(before: &[Vec<f64>], after: &[Vec<f64>]) -> f64 {
    let pairs = before.iter().flatten().zip(after.iter().flatten());
    pairs.map(|(before, after)| (before - after).abs()).fold(0.0, f64::max)
}

/// softmax(β z + b), each probability at least 1e-300, so that no label is impossible.
fn scaled_softmax(row: &[f32], beta: f64, bias: &[f64]) -> Vec<f64> {
    let scaled: Vec<f64> = row.iter().zip(bias).map(|(&logit, bias)| beta * f64::from(logit) + bias).collect();
    let top = scaled.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let exponentials: Vec<f64> = scaled.iter().map(|value| (value - top).exp().max(1e-300)).collect();
    let sum: f64 = exponentials.iter().sum();
    exponentials.into_iter().map(|exponential| exponential / sum).collect()
}
