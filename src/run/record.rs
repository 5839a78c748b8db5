//! The record of an epoch: above all the gap, computed from the per-image losses of probe and val.
//!
//! Losses are cross-entropies in nats per image, accuracies percentages (0–100), gaps in accuracy percentage points.

use serde::{Deserialize, Serialize};

use super::nan;
use crate::stats;

/// One line of `epochs.jsonl`. A number that is not finite is written as null and read back as NaN.
///
/// Probe and val are measured after the epoch, with the same weights and the same code. The fields that end in
/// `_without_leaks` leave out the val images that also appear in train; they are absent when there are none. Those that end
/// in `_without_near_leaks` leave out the val images with a near-duplicate in train too; they are absent when there are none,
/// and where near leaks are not known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// The epoch, from 1.
    pub epoch: u32,
    /// The learning rate of the epoch's last step; NaN where a recorded run does not state it.
    #[serde(default = "nan::absent", deserialize_with = "nan::number")]
    pub lr: f64,
    /// Running mean of the training objective over the epoch: augmented images, train mode, moving weights. Not
    /// comparable with `val_loss`; `probe_loss` is. NaN where a recorded run does not state it.
    #[serde(default = "nan::absent", deserialize_with = "nan::number")]
    pub batch_loss: f64,
    /// Mean loss on the probe \[nats\].
    #[serde(deserialize_with = "nan::number")]
    pub probe_loss: f64,
    /// Accuracy on the probe \[%\].
    #[serde(deserialize_with = "nan::number")]
    pub probe_acc: f64,
    /// Mean loss on val \[nats\].
    #[serde(deserialize_with = "nan::number")]
    pub val_loss: f64,
    /// Accuracy on val \[%\].
    #[serde(deserialize_with = "nan::number")]
    pub val_acc: f64,
    /// `val_loss` − `probe_loss` \[nats\].
    #[serde(deserialize_with = "nan::number")]
    pub gap_loss: f64,
    /// Standard error of `gap_loss` \[nats\], from the per-image losses of both sets, clustered by group where the images have
    /// groups.
    #[serde(deserialize_with = "nan::number")]
    pub gap_loss_se: f64,
    /// `probe_acc` − `val_acc` \[percentage points\].
    #[serde(deserialize_with = "nan::number")]
    pub gap_acc: f64,
    /// `val_loss` without leaks \[nats\].
    #[serde(default, deserialize_with = "nan::optional", skip_serializing_if = "Option::is_none")]
    pub val_loss_without_leaks: Option<f64>,
    /// `val_acc` without leaks \[%\].
    #[serde(default, deserialize_with = "nan::optional", skip_serializing_if = "Option::is_none")]
    pub val_acc_without_leaks: Option<f64>,
    /// `gap_loss` without leaks \[nats\].
    #[serde(default, deserialize_with = "nan::optional", skip_serializing_if = "Option::is_none")]
    pub gap_loss_without_leaks: Option<f64>,
    /// `gap_loss_se` without leaks \[nats\].
    #[serde(default, deserialize_with = "nan::optional", skip_serializing_if = "Option::is_none")]
    pub gap_loss_se_without_leaks: Option<f64>,
    /// `gap_acc` without leaks \[percentage points\].
    #[serde(default, deserialize_with = "nan::optional", skip_serializing_if = "Option::is_none")]
    pub gap_acc_without_leaks: Option<f64>,
    /// `val_loss` without leaks and near leaks \[nats\].
    #[serde(default, deserialize_with = "nan::optional", skip_serializing_if = "Option::is_none")]
    pub val_loss_without_near_leaks: Option<f64>,
    /// `val_acc` without leaks and near leaks \[%\].
    #[serde(default, deserialize_with = "nan::optional", skip_serializing_if = "Option::is_none")]
    pub val_acc_without_near_leaks: Option<f64>,
    /// `gap_loss` without leaks and near leaks \[nats\].
    #[serde(default, deserialize_with = "nan::optional", skip_serializing_if = "Option::is_none")]
    pub gap_loss_without_near_leaks: Option<f64>,
    /// `gap_loss_se` without leaks and near leaks \[nats\].
    #[serde(default, deserialize_with = "nan::optional", skip_serializing_if = "Option::is_none")]
    pub gap_loss_se_without_near_leaks: Option<f64>,
    /// `gap_acc` without leaks and near leaks \[percentage points\].
    #[serde(default, deserialize_with = "nan::optional", skip_serializing_if = "Option::is_none")]
    pub gap_acc_without_near_leaks: Option<f64>,
    /// Mean loss on val of the raw weights \[nats\], where `val_loss` and all other figures are those of averaged weights.
    #[serde(default, deserialize_with = "nan::optional", skip_serializing_if = "Option::is_none")]
    pub raw_val_loss: Option<f64>,
    /// Mean losses of the two halves of val \[nats\], leaks included; for cross-fitting.
    #[serde(deserialize_with = "nan::pair")]
    pub val_half_losses: [f64; 2],
    /// Optimiser steps since the run began; absent where a recorded run does not state them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<u64>,
    /// Wall time of the epoch, measurements included \[s\].
    #[serde(deserialize_with = "nan::number")]
    pub seconds: f64,
    /// Training images per second, measurements excluded; NaN where a recorded run does not state it.
    #[serde(default = "nan::absent", deserialize_with = "nan::number")]
    pub train_images_per_s: f64,
}

/// The part of an [`EpochRecord`] that the training loop itself knows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EpochTraining {
    /// The epoch, from 1.
    pub epoch: u32,
    /// The learning rate of the epoch's last step.
    pub lr: f64,
    /// Running mean of the training objective.
    pub batch_loss: f64,
    /// Val loss of the raw weights, where averaged weights are the model.
    pub raw_val_loss: Option<f64>,
    /// Optimiser steps since the run began.
    pub steps: u64,
    /// Wall time of the epoch, measurements included \[s\].
    pub seconds: f64,
    /// Training images per second, measurements excluded.
    pub train_images_per_s: f64,
}

/// Losses and hits on one set of n images, in the set's order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// The cross-entropy of each image \[n\], nats.
    pub losses: Vec<f32>,
    /// Whether each image's most probable class is its label \[n\].
    pub correct: Vec<bool>,
    /// The group of each image \[n\], such as its patient, where the images have groups. Standard errors are clustered by it.
    pub groups: Option<Vec<u32>>,
}

impl Measured {
    /// Losses and hits of the images for which `keep` holds.
    pub fn only(&self, keep: impl Fn(usize) -> bool) -> Self {
        let mut kept = Self { groups: self.groups.as_ref().map(|_| Vec::new()), ..Self::default() };
        for image in 0..self.losses.len() {
            if keep(image) {
                kept.losses.push(self.losses[image]);
                kept.correct.push(self.correct[image]);
                kept.groups.iter_mut().zip(&self.groups).for_each(|(kept, groups)| kept.push(groups[image]));
            }
        }
        kept
    }

    /// These losses and hits, of images with these groups.
    #[must_use]
    pub fn in_groups(self, groups: Option<&[u32]>) -> Self {
        Self { groups: groups.map(<[u32]>::to_vec), ..self }
    }

    /// The standard error of the mean loss \[nats\], clustered by group where there are groups.
    pub fn loss_error(&self) -> f64 {
        stats::error_of_mean(&self.losses_f64(), self.groups.as_deref())
    }

    /// The mean loss \[nats\].
    pub fn mean_loss(&self) -> f64 {
        stats::mean(&self.losses_f64())
    }

    /// The losses in f64, so that sums of many keep their digits.
    pub fn losses_f64(&self) -> Vec<f64> {
        self.losses.iter().map(|&loss| f64::from(loss)).collect()
    }
}

/// The gap between probe and val, with the figures of both. A set without images makes its figures NaN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gap {
    /// Mean loss on the probe \[nats\].
    pub probe_loss: f64,
    /// Accuracy on the probe \[%\].
    pub probe_acc: f64,
    /// Mean loss on val \[nats\].
    pub val_loss: f64,
    /// Accuracy on val \[%\].
    pub val_acc: f64,
    /// `val_loss` − `probe_loss` \[nats\].
    pub gap_loss: f64,
    /// Standard error of `gap_loss` \[nats\].
    pub gap_loss_se: f64,
    /// `probe_acc` − `val_acc` \[percentage points\].
    pub gap_acc: f64,
}

impl Gap {
    /// The gap between two sets, whose images are independent samples; where they have groups, the groups are. No group may
    /// have images in both.
    pub fn between(probe: &Measured, val: &Measured) -> Self {
        let probe_loss = probe.mean_loss();
        let val_loss = val.mean_loss();
        let probe_acc = stats::percent(&probe.correct);
        let val_acc = stats::percent(&val.correct);
        Self {
            probe_loss,
            probe_acc,
            val_loss,
            val_acc,
            gap_loss: val_loss - probe_loss,
            gap_loss_se: stats::hypotenuse(val.loss_error(), probe.loss_error()),
            gap_acc: probe_acc - val_acc,
        }
    }
}

impl EpochRecord {
    /// The record of an epoch, from what training knows and what was measured after it. `leaks[i]` says whether val's image
    /// i also appears in train, `near_leaks[i]` whether a near-duplicate of it does, if that is known, `in_first_half[i]`
    /// whether it belongs to the first half of val.
    ///
    /// # Panics
    /// When the masks are not as long as val: that is an error of the program, not of its user.
    pub fn new(
        training: &EpochTraining,
        probe: &Measured,
        val: &Measured,
        leaks: &[bool],
        near_leaks: Option<&[bool]>,
        in_first_half: &[bool],
    ) -> Self {
        let n = val.losses.len();
        assert!(leaks.len() == n && in_first_half.len() == n, "a mask of val has one entry for each of its images");
        let &EpochTraining { epoch, lr, batch_loss, raw_val_loss, steps, seconds, train_images_per_s } = training;
        let Gap { probe_loss, probe_acc, val_loss, val_acc, gap_loss, gap_loss_se, gap_acc } = Gap::between(probe, val);
        let without_leaks = leaks.contains(&true).then(|| Gap::between(probe, &val.only(|image| !leaks[image])));
        let without_near_leaks =
            leaks_of_both_kinds(leaks, near_leaks).map(|leaks| Gap::between(probe, &val.only(|image| !leaks[image])));
        let first_half = val.only(|image| in_first_half[image]).mean_loss();
        let second_half = val.only(|image| !in_first_half[image]).mean_loss();
        Self {
            epoch,
            lr,
            batch_loss,
            probe_loss,
            probe_acc,
            val_loss,
            val_acc,
            gap_loss,
            gap_loss_se,
            gap_acc,
            val_loss_without_leaks: without_leaks.map(|gap| gap.val_loss),
            val_acc_without_leaks: without_leaks.map(|gap| gap.val_acc),
            gap_loss_without_leaks: without_leaks.map(|gap| gap.gap_loss),
            gap_loss_se_without_leaks: without_leaks.map(|gap| gap.gap_loss_se),
            gap_acc_without_leaks: without_leaks.map(|gap| gap.gap_acc),
            val_loss_without_near_leaks: without_near_leaks.map(|gap| gap.val_loss),
            val_acc_without_near_leaks: without_near_leaks.map(|gap| gap.val_acc),
            gap_loss_without_near_leaks: without_near_leaks.map(|gap| gap.gap_loss),
            gap_loss_se_without_near_leaks: without_near_leaks.map(|gap| gap.gap_loss_se),
            gap_acc_without_near_leaks: without_near_leaks.map(|gap| gap.gap_acc),
            raw_val_loss,
            val_half_losses: [first_half, second_half],
            steps: Some(steps),
            seconds,
            train_images_per_s,
        }
    }
}

/// For each image of val, whether it is a leak or a near leak; None where there is no near leak, or none is known.
///
/// # Panics
/// When the two masks have different lengths: that is an error of the program, not of its user.
pub fn leaks_of_both_kinds(leaks: &[bool], near_leaks: Option<&[bool]>) -> Option<Vec<bool>> {
    let near_leaks = near_leaks.filter(|near_leaks| near_leaks.contains(&true))?;
    assert_eq!(leaks.len(), near_leaks.len(), "a mask of val has one entry for each of its images");
    Some(leaks.iter().zip(near_leaks).map(|(&leak, &near_leak)| leak || near_leak).collect())
}

/// The record of lowest `val_loss`; of equal ones the earlier, never a NaN. None where no val loss is a number.
///
/// The figures of this epoch are optimistic, since the images that selected it score it: label them so.
pub fn best_epoch(epochs: &[EpochRecord]) -> Option<&EpochRecord> {
    stats::lowest(epochs.iter().map(|record| record.val_loss)).map(|index| &epochs[index])
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const TRAINING: EpochTraining = EpochTraining {
        epoch: 20,
        lr: 0.05,
        batch_loss: 1.5,
        raw_val_loss: None,
        steps: 4480,
        seconds: 12.5,
        train_images_per_s: 850.0,
    };

    /// A record with usual figures, for the tests of this module.
    pub fn record(epoch: u32, val_loss: f64) -> EpochRecord {
        EpochRecord {
            epoch,
            lr: 0.05,
            batch_loss: 1.5,
            probe_loss: 1.402,
            probe_acc: 48.128,
            val_loss,
            val_acc: 47.815,
            gap_loss: val_loss - 1.402,
            gap_loss_se: 0.021,
            gap_acc: 0.313,
            val_half_losses: [val_loss + 0.1, val_loss - 0.1],
            steps: Some(224 * u64::from(epoch)),
            seconds: 12.5,
            train_images_per_s: 850.0,
            ..EpochRecord::default()
        }
    }

    fn measured(losses: &[f32], correct: &[u8]) -> Measured {
        Measured { losses: losses.to_vec(), correct: correct.iter().map(|&one| one == 1).collect(), groups: None }
    }

    #[test]
    fn the_gap_agrees_with_hand_work() {
        let probe = measured(&[0.5, 1.0, 1.5, 1.0], &[1, 1, 0, 1]);
        let val = measured(&[1.0, 3.0, 2.0, 0.0], &[1, 0, 0, 1]);
        let gap = Gap::between(&probe, &val);
        assert_eq!((gap.probe_loss, gap.val_loss, gap.gap_loss), (1.0, 1.5, 0.5));
        assert_eq!((gap.probe_acc, gap.val_acc, gap.gap_acc), (75.0, 50.0, 25.0));
        // Variances 0.5/3 and 5/3, four images each.
        assert!((gap.gap_loss_se - (0.5f64 / 12.0 + 5.0 / 12.0).sqrt()).abs() < 1e-15);
    }

    #[test]
    fn the_error_of_the_gap_is_clustered_where_images_have_groups() {
        let probe = measured(&[0.5, 1.0, 1.5, 1.0], &[1, 1, 0, 1]);
        let val = measured(&[1.0, 1.0, 2.0, 2.0], &[1, 0, 0, 1]);
        let plain = Gap::between(&probe, &val);
        let apart =
            Gap::between(&probe.clone().in_groups(Some(&[0, 1, 2, 3])), &val.clone().in_groups(Some(&[4, 5, 6, 7])));
        assert!((plain.gap_loss_se - apart.gap_loss_se).abs() < 1e-15);
        // Two pairs of equal losses are two independent values: √(2 · (1 + 1)) / 4.
        let paired = val.in_groups(Some(&[4, 4, 5, 5]));
        assert!((paired.loss_error() - 0.5).abs() < 1e-15);
        let clustered = Gap::between(&probe, &paired);
        assert!((clustered.gap_loss_se - (0.25f64 + 0.5 / 12.0).sqrt()).abs() < 1e-15);
        assert_eq!((clustered.gap_loss, clustered.val_acc), (plain.gap_loss, plain.val_acc));
        // Without the first image the others keep their groups.
        assert_eq!(paired.only(|image| image > 0).groups, Some(vec![4, 5, 5]));
    }

    #[test]
    fn figures_exist_with_and_without_leaks() {
        let probe = measured(&[1.0, 1.0], &[1, 0]);
        let val = measured(&[0.0, 2.0, 3.0, 1.0], &[1, 0, 0, 1]);
        let (first, half) = ([true, false, false, false], [true, true, false, false]);
        let record = EpochRecord::new(&TRAINING, &probe, &val, &first, None, &half);
        assert_eq!((record.val_loss, record.val_acc, record.gap_loss, record.gap_acc), (1.5, 50.0, 0.5, 0.0));
        assert_eq!((record.val_loss_without_leaks, record.gap_loss_without_leaks), (Some(2.0), Some(1.0)));
        let third = 100.0 / 3.0;
        assert_eq!((record.val_acc_without_leaks, record.gap_acc_without_leaks), (Some(third), Some(50.0 - third)));
        assert!((record.gap_loss_se_without_leaks.unwrap() - (1.0f64 / 3.0).sqrt()).abs() < 1e-15);
        assert_eq!(record.val_half_losses, [1.0, 2.0]);
        assert_eq!((record.epoch, record.lr, record.batch_loss, record.steps), (20, 0.05, 1.5, Some(4480)));
    }

    #[test]
    fn without_leaks_their_fields_are_absent() {
        let set = measured(&[1.0, 2.0], &[1, 0]);
        let record = EpochRecord::new(&TRAINING, &set, &set, &[false; 2], Some(&[false; 2]), &[true, false]);
        assert_eq!(record.gap_loss_without_leaks, None);
        assert!(!serde_json::to_string(&record).unwrap().contains("_without_"));
    }

    #[test]
    fn figures_without_near_leaks_leave_out_both_kinds() {
        let probe = measured(&[1.0, 1.0], &[1, 0]);
        let val = measured(&[0.0, 2.0, 3.0, 1.0], &[1, 0, 0, 1]);
        let (first, second) = ([true, false, false, false], [false, true, false, false]);
        let record = EpochRecord::new(&TRAINING, &probe, &val, &first, Some(&second), &[true, true, false, false]);
        assert_eq!((record.val_loss_without_leaks, record.val_loss_without_near_leaks), (Some(2.0), Some(2.0)));
        assert_eq!((record.val_acc_without_near_leaks, record.gap_acc_without_near_leaks), (Some(50.0), Some(0.0)));
        let only_near = EpochRecord::new(&TRAINING, &probe, &val, &[false; 4], Some(&second), &[true; 4]);
        assert_eq!(only_near.val_loss_without_leaks, None);
        assert!((only_near.gap_loss_without_near_leaks.unwrap() - 1.0 / 3.0).abs() < 1e-15);
    }

    #[test]
    fn fields_keep_the_order_of_the_contract() {
        let mut record = record(1, 1.432);
        record.val_loss_without_leaks = Some(1.5);
        insta::assert_snapshot!(serde_json::to_string(&record).unwrap(), @r#"{"epoch":1,"lr":0.05,"batch_loss":1.5,"probe_loss":1.402,"probe_acc":48.128,"val_loss":1.432,"val_acc":47.815,"gap_loss":0.030000000000000027,"gap_loss_se":0.021,"gap_acc":0.313,"val_loss_without_leaks":1.5,"val_half_losses":[1.532,1.3319999999999999],"steps":224,"seconds":12.5,"train_images_per_s":850.0}"#);
    }

    #[test]
    fn a_record_survives_json_to_the_last_bit() {
        for step in 0..1000 {
            let mut before = record(step, (f64::from(step) * 0.7).exp().sqrt() / 3.0);
            before.gap_acc_without_leaks = Some(before.val_loss.sin());
            let after: EpochRecord = serde_json::from_str(&serde_json::to_string(&before).unwrap()).unwrap();
            assert_eq!(after, before);
        }
    }

    #[test]
    fn nan_survives_json_as_null() {
        let mut before = record(3, f64::NAN);
        before.val_loss_without_leaks = Some(f64::NAN);
        let json = serde_json::to_string(&before).unwrap();
        assert!(json.contains(r#""val_loss":null"#) && json.contains(r#""val_half_losses":[null,null]"#), "{json}");
        let after: EpochRecord = serde_json::from_str(&json).unwrap();
        assert!(after.val_loss.is_nan() && after.gap_loss.is_nan() && after.val_half_losses[1].is_nan());
        assert!(after.val_loss_without_leaks.is_some_and(f64::is_nan));
        assert_eq!((after.val_acc_without_leaks, after.probe_loss), (None, 1.402));
    }

    #[test]
    fn what_a_recorded_run_does_not_state_may_be_null_or_absent() {
        let own = serde_json::to_string(&record(3, 1.0)).unwrap();
        let absent = own.replace("\"lr\":0.05,\"batch_loss\":1.5,", "").replace(",\"steps\":672", "");
        let absent = absent.replace(",\"train_images_per_s\":850.0", "");
        let null = own.replace("0.05,\"batch_loss\":1.5", "null,\"batch_loss\":null").replace("672", "null");
        for json in [absent, null.replace("850.0", "null")] {
            let read: EpochRecord = serde_json::from_str(&json).unwrap();
            assert!(read.lr.is_nan() && read.batch_loss.is_nan() && read.train_images_per_s.is_nan(), "{json}");
            assert_eq!((read.steps, read.val_loss), (None, 1.0));
        }
        // What is measured may not be left out.
        assert!(serde_json::from_str::<EpochRecord>(&own.replace("\"val_loss\":1.0,", "")).is_err());
    }

    #[test]
    fn fields_of_a_later_version_are_ignored() {
        let json = serde_json::to_string(&record(3, 1.0)).unwrap().replace("\"lr\"", "\"of_tomorrow\":1.0,\"lr\"");
        assert_eq!(serde_json::from_str::<EpochRecord>(&json).unwrap(), record(3, 1.0));
    }

    #[test]
    fn the_best_epoch_is_the_earliest_of_lowest_val_loss_and_never_nan() {
        let best = |losses: &[f64]| {
            let records: Vec<_> = (1..).zip(losses).map(|(epoch, &loss)| record(epoch, loss)).collect();
            best_epoch(&records).map(|record| record.epoch)
        };
        assert_eq!(best(&[f64::NAN, 1.2, 1.1, 1.1]), Some(3));
        assert_eq!(best(&[1.2, f64::NAN, 1.3]), Some(1));
        assert_eq!(best(&[f64::NAN]), None);
    }
}
