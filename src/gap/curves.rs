//! Losses over epochs: what a run folder and a log of any trainer have in common.

use serde::Serialize;

use crate::run::EpochRecord;

/// The figures after one epoch. NaN where a figure is not known, ∞ where the log says that it is not a number.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LossPoint {
    /// The epoch as the log counts it.
    pub epoch: u32,
    /// Training loss \[nats\]; see [`TrainingLoss`].
    pub train_loss: f64,
    /// Val loss \[nats\].
    pub val_loss: f64,
    /// Training accuracy \[%\].
    pub train_acc: f64,
    /// Val accuracy \[%\].
    pub val_acc: f64,
    /// Learning rate.
    #[serde(skip)]
    pub lr: f64,
    /// Standard error of the gap over images \[nats\].
    #[serde(skip)]
    pub gap_se: f64,
    /// Running mean of the training objective, where `train_loss` is another figure \[nats\].
    #[serde(skip)]
    pub batch_loss: f64,
}

impl LossPoint {
    /// An epoch of which nothing is known.
    pub fn unknown(epoch: u32) -> Self {
        let nan = f64::NAN;
        Self {
            epoch,
            train_loss: nan,
            val_loss: nan,
            train_acc: nan,
            val_acc: nan,
            lr: nan,
            gap_se: nan,
            batch_loss: nan,
        }
    }

    /// Val loss − training loss \[nats\].
    pub fn gap(&self) -> f64 {
        self.val_loss - self.train_loss
    }
}

/// Which figure is meant by training loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrainingLoss {
    /// The loss on the probe: measured as val is, after the epoch.
    Probe,
    /// The running mean over the epoch's batches, which includes augmentation, dropout and moving weights.
    Running,
}

/// Losses over epochs.
#[derive(Clone, Debug, PartialEq)]
pub struct Curves {
    /// The epochs, rising. Some may be missing.
    pub points: Vec<LossPoint>,
    /// Which figure the training loss is.
    pub training: TrainingLoss,
    /// How many classes there are, where the user said so.
    pub classes: Option<usize>,
}

impl Curves {
    /// The curves of recorded epochs.
    pub fn of_records(records: &[EpochRecord]) -> Self {
        let mut points = Vec::new();
        for record in records {
            points.push(LossPoint {
                epoch: record.epoch,
                train_loss: finite_or_infinity(record.probe_loss),
                val_loss: finite_or_infinity(record.val_loss),
                train_acc: record.probe_acc,
                val_acc: record.val_acc,
                lr: record.lr,
                gap_se: record.gap_loss_se,
                batch_loss: record.batch_loss,
            });
        }
        Self { points, training: TrainingLoss::Probe, classes: None }
    }

    /// The last epoch that has both losses.
    pub fn last(&self) -> Option<&LossPoint> {
        self.points.iter().rev().find(|point| point.gap().is_finite())
    }

    /// The epoch of lowest val loss; the earlier of equal ones.
    pub fn best(&self) -> Option<&LossPoint> {
        let known = self.points.iter().filter(|point| point.val_loss.is_finite());
        known.reduce(|best, next| if next.val_loss < best.val_loss { next } else { best })
    }

    /// (epoch, value) wherever the value is a number.
    pub fn series(&self, value: impl Fn(&LossPoint) -> f64) -> Vec<(f64, f64)> {
        let all = self.points.iter().map(|point| (f64::from(point.epoch), value(point)));
        all.filter(|(_, value)| value.is_finite()).collect()
    }

    /// (epoch, value) over the last third of the epochs, at least five, wherever the value is a number.
    pub fn tail(&self, value: impl Fn(&LossPoint) -> f64) -> Vec<(f64, f64)> {
        let all = self.series(value);
        let length = (all.len() / 3).max(5).min(all.len());
        all[all.len() - length..].to_vec()
    }
}

/// A recorded loss that is not a number was measured, and is known not to be one.
fn finite_or_infinity(loss: f64) -> f64 {
    if loss.is_finite() { loss } else { f64::INFINITY }
}
