//! Sums of losses by class, from which the gap without any set of causes follows.

use super::{
    evidence::{BillEvidence, BillSet, Losses, SetLosses},
    item::Cause,
};

/// Weight and weighted loss of the images of each class.
#[derive(Clone, Debug)]
struct ClassTotals {
    weight: Vec<f64>,
    loss: Vec<f64>,
}

impl ClassTotals {
    /// The mean loss where the classes have these `shares`, in any unit. Images that are left out, or count less, leave the shares as
    /// they are; a class without images has no loss to weight.
    fn mean(&self, shares: &[f64]) -> f64 {
        let mut sum = 0.0;
        let mut all = 0.0;
        for (class, share) in shares.iter().enumerate() {
            if self.weight[class] > 0.0 {
                sum += share * self.loss[class] / self.weight[class];
                all += share;
            }
        }
        sum / all
    }
}

/// The sums of both sets: of val with and without leaks, of train over the probe and over all images; each with and without
/// the weight of wrong labels, and for each of the four kinds of losses.
#[derive(Debug)]
pub(super) struct Totals {
    val: Vec<ClassTotals>,
    train: Vec<ClassTotals>,
}

/// Whether the set of causes `set` holds `cause`.
fn holds(set: usize, cause: Cause) -> bool {
    set & cause.alone() != 0
}

/// The place of sums in a list, by the choices that they follow from.
fn place(is_other_set: bool, has_label_weights: bool, losses: usize) -> usize {
    8 * usize::from(is_other_set) + 4 * usize::from(has_label_weights) + losses
}

impl Totals {
    /// The sums where image i of val counts `counts[0][i]` times, and image i of train `counts[1][i]` times.
    pub fn of(evidence: &BillEvidence, losses: &Losses, counts: &[Vec<f64>; 2]) -> Self {
        let nothing = ClassTotals { weight: vec![0.0; evidence.classes], loss: vec![0.0; evidence.classes] };
        let mut totals = Self { val: vec![nothing.clone(); 16], train: vec![nothing; 16] };
        for (image, &count) in counts[0].iter().enumerate() {
            add(&mut totals.val, false, &evidence.val, &losses.val, image, count);
            if !evidence.leaks[image] {
                add(&mut totals.val, true, &evidence.val, &losses.val, image, count);
            }
        }
        for (image, &count) in counts[1].iter().enumerate() {
            add(&mut totals.train, true, &evidence.train, &losses.train, image, count);
        }
        for &image in &evidence.probe {
            add(&mut totals.train, false, &evidence.train, &losses.train, image, counts[1][image]);
        }
        totals
    }

    /// The gap without the causes of `set` \[nats\].
    pub fn gap(&self, set: usize) -> f64 {
        self.val_loss(set) - self.train_loss(set)
    }

    /// Mean loss on val without the causes of `set` \[nats\].
    pub fn val_loss(&self, set: usize) -> f64 {
        let is_clean = holds(set, Cause::Flattery);
        self.val[place(is_clean, holds(set, Cause::Labels), losses_of(set))].mean(&self.val[0].weight)
    }

    /// Mean loss on training images without the causes of `set` \[nats\]: on the probe or, without sampling, on all.
    pub fn train_loss(&self, set: usize) -> f64 {
        let takes_all = holds(set, Cause::Sampling);
        let train = &self.train[place(takes_all, holds(set, Cause::Labels), losses_of(set))];
        let has_vals_shares = holds(set, Cause::ClassMix);
        train.mean(if has_vals_shares { &self.val[0].weight } else { &self.train[0].weight })
    }

    /// The largest difference between the share of a class in val and in the probe, 0–1, and the class.
    pub fn largest_shift(&self) -> (usize, f64) {
        let [val, probe] = [&self.val[0].weight, &self.train[0].weight];
        let all = [val, probe].map(|weights| weights.iter().sum::<f64>());
        let shifts = val.iter().zip(probe).map(|(val, probe)| val / all[0] - probe / all[1]);
        let largest = shifts.enumerate().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()));
        largest.unwrap_or_default()
    }
}

/// The kind of losses without the causes of `set`.
fn losses_of(set: usize) -> usize {
    usize::from(holds(set, Cause::Memorisation)) + 2 * usize::from(holds(set, Cause::Calibration))
}

/// Adds an image `count` times, without and with the weight of its label.
fn add(totals: &mut [ClassTotals], is_other_set: bool, set: &BillSet, losses: &SetLosses, image: usize, count: f64) {
    let class = set.outputs.labels[image] as usize;
    for (has_label_weights, weight) in [(false, count), (true, count * set.right(image))] {
        for (kind, losses) in losses.iter().enumerate() {
            let totals = &mut totals[place(is_other_set, has_label_weights, kind)];
            totals.weight[class] += weight;
            // An image that does not count has no part in the sum even where its loss is not finite.
            if weight > 0.0 {
                totals.loss[class] += weight * losses[image];
            }
        }
    }
}
