//! `done.json`: the final figures. It is written last, so a folder that has it holds a finished run.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use super::{EpochRecord, Gap, Measured, Outputs, Predictions, best_epoch, nan, record::leaks_of_both_kinds};
use crate::stats::{self, Lately, Logits, Overconfidence};

/// The content of `done.json`. Losses are in nats per image, accuracies in percent. The headline is the last epoch:
/// nothing was selected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Done {
    /// The last epoch.
    pub last: EpochRecord,
    /// The epoch of lowest val loss; absent when no val loss was a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best: Option<Best>,
    /// Val loss of the best epoch without the optimism of its selection: chosen on one half of val, scored on the other,
    /// both ways.
    #[serde(deserialize_with = "nan::number")]
    pub cross_fitted_best_loss: f64,
    /// What one temperature removes from the last epoch's val loss \[nats\], fitted on one half of val, scored on the
    /// other, both ways.
    #[serde(deserialize_with = "nan::number")]
    pub overconfidence: f64,
    /// `overconfidence` as a share of the last epoch's gap; only where the gap exceeds two of its standard errors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overconfidence_share_of_gap: Option<f64>,
    /// The temperature fitted on all of val: above 1 the network is overconfident, below 1 underconfident.
    #[serde(deserialize_with = "nan::number")]
    pub temperature: f64,
    /// Expected calibration error on val, 0–1.
    #[serde(deserialize_with = "nan::number")]
    pub calibration_error: f64,
    /// What val loss did at the end of the run; absent where there are fewer than five epochs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub val_loss_lately: Option<Lately>,
    /// Whether early stopping ended the run before its last planned epoch. Its last epoch was then chosen on val.
    #[serde(default)]
    pub early_stopped: bool,
    /// Figures of val after the last epoch with predictions averaged over views, where the recipe asks for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tta: Option<TtaFigures>,
    /// Images of val that also appear in train.
    pub val_in_train: usize,
    /// Near leaks: images of val with a near-duplicate, but no equal image, in train. Absent where there is none, or they
    /// are not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub near_leaks: Option<usize>,
    /// Size of the network and time of its training.
    #[serde(flatten)]
    pub cost: RunCost,
}

/// The epoch of lowest val loss. Its figures are optimistic, since it was selected by them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// The epoch, from 1.
    pub epoch: u32,
    /// Always true: the epoch was chosen on the images that score it.
    pub selected_on_val: bool,
    /// Val loss of that epoch.
    pub val_loss: f64,
    /// Val accuracy of that epoch.
    #[serde(deserialize_with = "nan::number")]
    pub val_acc: f64,
    /// Gap in loss of that epoch.
    #[serde(deserialize_with = "nan::number")]
    pub gap_loss: f64,
}

/// Figures of predictions averaged over views of each image (test-time augmentation), given in addition to the plain
/// ones, never instead of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TtaFigures {
    /// The views: `flip` or `ten-crop`.
    pub views: String,
    /// Val loss \[nats\].
    #[serde(deserialize_with = "nan::number")]
    pub val_loss: f64,
    /// Val accuracy \[%\].
    pub val_acc: f64,
    /// Val loss without the images that also appear in train \[nats\]; absent when there are none.
    #[serde(default, deserialize_with = "nan::optional", skip_serializing_if = "Option::is_none")]
    pub val_loss_without_leaks: Option<f64>,
    /// Val accuracy without the images that also appear in train \[%\].
    #[serde(default, deserialize_with = "nan::optional", skip_serializing_if = "Option::is_none")]
    pub val_acc_without_leaks: Option<f64>,
    /// Val loss without leaks and near leaks \[nats\]; absent when there is no near leak, or none is known.
    #[serde(default, deserialize_with = "nan::optional", skip_serializing_if = "Option::is_none")]
    pub val_loss_without_near_leaks: Option<f64>,
    /// Val accuracy without leaks and near leaks \[%\].
    #[serde(default, deserialize_with = "nan::optional", skip_serializing_if = "Option::is_none")]
    pub val_acc_without_near_leaks: Option<f64>,
}

impl TtaFigures {
    /// The figures of `val`, whose logits were averaged over `views`; `leaks[i]` says whether image i also appears in train,
    /// `near_leaks[i]` whether a near-duplicate of it does, if that is known.
    pub fn new(views: impl std::fmt::Display, val: &Outputs, leaks: &[bool], near_leaks: Option<&[bool]>) -> Self {
        let all = val.measured();
        let clean = leaks.contains(&true).then(|| all.only(|image| !leaks[image]));
        let cleaner = leaks_of_both_kinds(leaks, near_leaks).map(|leaks| all.only(|image| !leaks[image]));
        Self {
            views: views.to_string(),
            val_loss: all.mean_loss(),
            val_acc: stats::percent(&all.correct),
            val_loss_without_leaks: clean.as_ref().map(Measured::mean_loss),
            val_acc_without_leaks: clean.map(|clean| stats::percent(&clean.correct)),
            val_loss_without_near_leaks: cleaner.as_ref().map(Measured::mean_loss),
            val_acc_without_near_leaks: cleaner.map(|clean| stats::percent(&clean.correct)),
        }
    }
}

/// Size of a network and time of its training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunCost {
    /// Trainable numbers.
    pub parameters: u64,
    /// Multiply-adds of one forward pass of one image; absent where a recorded run does not state them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub macs: Option<u64>,
    /// Wall time of the run, over all resumes \[s\].
    pub seconds: f64,
}

impl Done {
    /// Concludes a run from its records in order and from the outputs on val after the last epoch, over `classes` classes.
    /// `leaks` says which val images also appear in train, `near_leaks` of which a near-duplicate does, if that is known, and
    /// `in_first_half` which belong to val's first half.
    ///
    /// # Errors
    /// When there is no epoch.
    ///
    /// # Panics
    /// When outputs and masks do not have one entry per val image.
    pub fn conclude(
        epochs: &[EpochRecord],
        val: &Outputs,
        classes: usize,
        leaks: &[bool],
        near_leaks: Option<&[bool]>,
        in_first_half: &[bool],
        cost: RunCost,
    ) -> Result<Done> {
        ensure!(!epochs.is_empty(), "a run without an epoch has no final figures");
        assert_eq!(leaks.len(), val.labels.len(), "a mask of val has one entry for each of its images");
        let last = epochs[epochs.len() - 1].clone();
        let best = best_epoch(epochs).map(|record| Best {
            epoch: record.epoch,
            selected_on_val: true,
            val_loss: record.val_loss,
            val_acc: record.val_acc,
            gap_loss: record.gap_loss,
        });
        let half_losses: Vec<_> = epochs.iter().map(|record| record.val_half_losses).collect();
        let first = in_first_half.iter().filter(|&&first| first).count();
        let cross_fitted = stats::cross_fit(&half_losses, [first, in_first_half.len() - first]);

        let val_losses: Vec<(f64, f64)> =
            epochs.iter().map(|record| (f64::from(record.epoch), record.val_loss)).collect();

        let Overconfidence { nats, temperature } =
            Overconfidence::measure(&val.logits, &val.labels, classes, in_first_half);
        Ok(Done {
            best,
            cross_fitted_best_loss: cross_fitted.unwrap_or(f64::NAN),
            overconfidence: nats,
            overconfidence_share_of_gap: share_of_gap(nats, &last),
            temperature,
            calibration_error: stats::calibration_error(&Logits::new(&val.logits, &val.labels, classes)),
            val_loss_lately: Lately::of_loss(&val_losses),
            early_stopped: false,
            tta: None,
            val_in_train: leaks.iter().filter(|&&leak| leak).count(),
            near_leaks: near_leaks.map(|leaks| leaks.iter().filter(|&&leak| leak).count()).filter(|&count| count > 0),
            cost,
            last,
        })
    }

    /// Gives the last of a finished run's `records` the error of its gap that is known here: a recorder that took its images for independent
    /// wrote another one.
    pub fn correct_last(&self, records: &mut [EpochRecord]) {
        if let Some(last) = records.last_mut() {
            last.gap_loss_se = self.last.gap_loss_se;
        }
    }

    /// Clusters the standard errors of the last epoch's gap by group, for a run whose recorder took its images for
    /// independent. `groups` are those of val's images and of the probe's, `leaks` says which val images also appear in train.
    pub(super) fn cluster_gap(&mut self, predictions: &Predictions, groups: &[Vec<u32>; 2], leaks: &[bool]) {
        let val = predictions.last_val.measured().in_groups(Some(&groups[0]));
        let probe = predictions.last_probe.measured().in_groups(Some(&groups[1]));
        let last = &mut self.last;
        last.gap_loss_se = Gap::between(&probe, &val).gap_loss_se;
        if let Some(error) = &mut last.gap_loss_se_without_leaks {
            *error = Gap::between(&probe, &val.only(|image| !leaks[image])).gap_loss_se;
        }
        self.overconfidence_share_of_gap = share_of_gap(self.overconfidence, last);
    }
}

/// The share of overconfidence in a gap that exceeds two of its standard errors.
fn share_of_gap(overconfidence: f64, last: &EpochRecord) -> Option<f64> {
    (last.gap_loss > 2.0 * last.gap_loss_se && overconfidence.is_finite()).then(|| overconfidence / last.gap_loss)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::run::record::tests::record;

    const COST: RunCost = RunCost { parameters: 272_474, macs: Some(91_000_000), seconds: 100.0 };

    /// The end of a run of these val losses over four val images, one of them a leak.
    pub fn done(val_losses: &[f64]) -> Done {
        let epochs: Vec<_> = (1..).zip(val_losses).map(|(epoch, &loss)| record(epoch, loss)).collect();
        let val = Outputs {
            logits: vec![2.0, -2.0, 2.0, -2.0, 2.0, -2.0, 2.0, -2.0],
            labels: vec![0, 1, 1, 0],
            ids: vec![0, 1, 2, 3],
        };
        Done::conclude(&epochs, &val, 2, &[true, false, false, false], None, &[true, true, false, false], COST).unwrap()
    }

    #[test]
    fn the_last_epoch_is_the_headline_and_the_best_is_labelled() {
        let done = done(&[1.5, 1.2, 1.3]);
        assert_eq!((done.last.epoch, done.last.val_loss), (3, 1.3));
        let best = done.best.unwrap();
        assert_eq!((best.epoch, best.val_loss, best.selected_on_val), (2, 1.2, true));
        // Both halves choose epoch 2; they hold two images each.
        assert!((done.cross_fitted_best_loss - 1.2).abs() < 1e-12);
        assert_eq!((done.val_in_train, done.cost), (1, COST));
    }

    #[test]
    fn calibration_is_that_of_the_last_epoch_on_val() {
        // Right in half of the images at confidence 0.982: only chance is honest, so the temperature is the largest.
        let done = done(&[1.5]);
        assert!((done.temperature - 20.0).abs() < 1e-9);
        assert!((done.calibration_error - (1.0 / (1.0 + (-4f64).exp()) - 0.5)).abs() < 1e-12);
        let loss = (1.0 + (-4f64).exp()).ln() + 2.0;
        let scaled = (1.0 + (-0.2f64).exp()).ln() + 0.1;
        assert!((done.overconfidence - (loss - scaled)).abs() < 1e-12);
    }

    #[test]
    fn overconfidence_is_a_share_only_of_a_gap_that_is_there() {
        // Standard error 0.021: a gap of 0.030 is not two of it, one of 0.098 is.
        assert_eq!(done(&[1.432]).overconfidence_share_of_gap, None);
        let wide = done(&[1.5]);
        assert_eq!(wide.overconfidence_share_of_gap, Some(wide.overconfidence / wide.last.gap_loss));
    }

    #[test]
    fn a_run_of_nan_has_no_best_and_survives_json() {
        let done = done(&[f64::NAN]);
        assert_eq!(done.best, None);
        let json = serde_json::to_string(&done).unwrap();
        let read: Done = serde_json::from_str(&json).unwrap();
        assert!(read.last.val_loss.is_nan() && read.cross_fitted_best_loss.is_nan());
        assert_eq!(serde_json::to_string(&read).unwrap(), json);
    }

    #[test]
    fn a_run_without_an_epoch_has_no_final_figures() {
        assert!(Done::conclude(&[], &Outputs::default(), 2, &[], None, &[], COST).is_err());
    }
}
