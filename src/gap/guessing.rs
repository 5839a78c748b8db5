//! Concludes the number of classes from the figures of a log that does not state it.

use super::{Curves, LossPoint};

/// Largest number of classes that is concluded: above it, losses for neighbouring numbers are too close.
const MOST: usize = 1000;
/// Epochs for which a loss must have stayed at that of guessing, where no accuracy confirms it.
const EPOCHS: usize = 5;

/// The number of classes k, where the log shows a network that guesses: its loss is ln k and its accuracy 1 / k. Without
/// accuracies the loss must have stayed at ln k, up to 20 classes, in all epochs. None otherwise: the loss of the first
/// epoch alone is not enough, since the network may have been pretrained.
pub fn classes(curves: &Curves) -> Option<usize> {
    let has_accuracies = curves.points.iter().any(|point| point.train_acc.is_finite() || point.val_acc.is_finite());
    if !has_accuracies {
        return constant(&curves.points);
    }
    curves
        .points
        .iter()
        .find_map(|point| guesses(point.train_loss, point.train_acc).or_else(|| guesses(point.val_loss, point.val_acc)))
}

/// The number of classes where a network with this loss \[nats\] and accuracy \[%\] guesses.
fn guesses(loss: f64, accuracy: f64) -> Option<usize> {
    let classes = loss.exp().round();
    // The tolerance is a sixth of the number of classes, since accuracies over few images scatter.
    let by_accuracy = 100.0 / accuracy;
    let is_near = (by_accuracy - classes).abs() < (classes / 6.0).max(0.15) && (loss - classes.ln()).abs() < 0.06;
    (is_near && (2.0..=MOST as f64).contains(&classes)).then_some(classes as usize)
}

/// The number of classes whose loss of guessing is the training loss of all epochs.
fn constant(points: &[LossPoint]) -> Option<usize> {
    let losses: Vec<f64> = points.iter().map(|point| point.train_loss).filter(|loss| loss.is_finite()).collect();
    let classes = losses.first()?.exp().round();
    let is_constant = losses.iter().all(|loss| (loss - classes.ln()).abs() < 0.01);
    (losses.len() >= EPOCHS && is_constant && (2.0..=20.0).contains(&classes)).then_some(classes as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gap::TrainingLoss;

    fn of(points: &[(f64, f64)]) -> Option<usize> {
        let point = |(epoch, &(train_loss, train_acc)): (u32, &(f64, f64))| LossPoint {
            train_loss,
            train_acc,
            ..LossPoint::unknown(epoch)
        };
        let points = (1..).zip(points).map(point).collect();
        classes(&Curves { points, training: TrainingLoss::Running, classes: None })
    }

    #[test]
    fn a_network_that_guesses_reveals_the_number_of_classes() {
        assert_eq!(of(&[(1.946, 15.0), (1.944, 14.2)]), Some(7));
        assert_eq!(of(&[(0.70, 50.5)]), Some(2));
        assert_eq!(of(&[(4.61, 1.0)]), Some(100));
        let nan = f64::NAN;
        assert_eq!(of(&[(2.303, nan), (2.302, nan), (2.304, nan), (2.302, nan), (2.303, nan)]), Some(10));
    }

    #[test]
    fn a_network_that_knows_something_does_not() {
        // Fine-tuned: right in 86 % of the images after its first epoch.
        assert_eq!(of(&[(0.34, 86.0), (0.25, 90.0)]), None);
        assert_eq!(of(&[(1.402, 48.1), (0.743, 73.8)]), None);
        let nan = f64::NAN;
        assert_eq!(of(&[(2.303, nan), (2.1, nan), (1.9, nan), (1.7, nan), (1.5, nan)]), None);
        assert_eq!(of(&[(0.34, nan), (0.2, nan)]), None);
    }
}
