//! The figures of one run that a comparison uses.

use crate::{
    run::{Done, Gap, Outputs, leaks_of_both_kinds},
    stats::{self, Course, Logits, Overconfidence},
};

/// The figures of one run, of its last epoch unless the caller chose another. Losses in nats, accuracies in percent. What is
/// not known is None.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunFigures {
    /// Val loss.
    pub val_loss: f64,
    /// Val accuracy.
    pub val_acc: f64,
    /// Loss on the probe.
    pub probe_loss: Option<f64>,
    /// Accuracy on the probe.
    pub probe_acc: Option<f64>,
    /// Val loss − probe loss.
    pub gap_loss: Option<f64>,
    /// Probe accuracy − val accuracy, in percentage points.
    pub gap_acc: Option<f64>,
    /// What one temperature removes from val loss.
    pub overconfidence: f64,
    /// The temperature that removes it.
    pub temperature: f64,
    /// Expected calibration error on val, 0–1.
    pub calibration_error: f64,
    /// Val loss of the best epoch, chosen on one half of val and scored on the other.
    pub cross_fitted_best_loss: Option<f64>,
    /// Val loss without the images that also appear in train.
    pub val_loss_without_leaks: Option<f64>,
    /// Val accuracy without the images that also appear in train.
    pub val_acc_without_leaks: Option<f64>,
    /// Gap in loss without the images that also appear in train.
    pub gap_loss_without_leaks: Option<f64>,
    /// Val loss without leaks and near leaks; None where there is no near leak, or none is known.
    pub val_loss_without_near_leaks: Option<f64>,
    /// Val accuracy without leaks and near leaks.
    pub val_acc_without_near_leaks: Option<f64>,
    /// Gap in loss without leaks and near leaks.
    pub gap_loss_without_near_leaks: Option<f64>,
    /// Whether early stopping chose the last epoch, on val.
    pub early_stopped: bool,
    /// What val loss did at the end of the run.
    pub val_loss_course: Course,
    /// Wall time, in seconds.
    pub seconds: Option<f64>,
    /// Trainable numbers of the network.
    pub parameters: Option<u64>,
    /// Multiply-adds of one image.
    pub macs: Option<u64>,
}

/// A model's outputs, from which figures are computed.
pub struct Measurement<'a> {
    /// The outputs on val.
    pub val: &'a Outputs,
    /// The outputs on the probe, where there are any.
    pub probe: Option<&'a Outputs>,
    /// The number of classes.
    pub classes: usize,
    /// Which val images also appear in train, where that is known.
    pub leaks: Option<&'a [bool]>,
    /// Which val images have a near-duplicate, but no equal image, in train, where that is known.
    pub near_leaks: Option<&'a [bool]>,
    /// Which val images belong to its first half.
    pub in_first_half: &'a [bool],
}

impl RunFigures {
    /// The final figures of a run.
    pub fn of_done(done: &Done) -> Self {
        let last = &done.last;
        Self {
            val_loss: last.val_loss,
            val_acc: last.val_acc,
            probe_loss: Some(last.probe_loss),
            probe_acc: Some(last.probe_acc),
            gap_loss: Some(last.gap_loss),
            gap_acc: Some(last.gap_acc),
            overconfidence: done.overconfidence,
            temperature: done.temperature,
            calibration_error: done.calibration_error,
            cross_fitted_best_loss: Some(done.cross_fitted_best_loss),
            val_loss_without_leaks: last.val_loss_without_leaks,
            val_acc_without_leaks: last.val_acc_without_leaks,
            gap_loss_without_leaks: last.gap_loss_without_leaks,
            val_loss_without_near_leaks: last.val_loss_without_near_leaks,
            val_acc_without_near_leaks: last.val_acc_without_near_leaks,
            gap_loss_without_near_leaks: last.gap_loss_without_near_leaks,
            early_stopped: done.early_stopped,
            val_loss_course: done.val_loss_lately.map_or(Course::Unclear, |lately| lately.course),
            seconds: Some(done.cost.seconds),
            parameters: Some(done.cost.parameters),
            macs: done.cost.macs,
        }
    }

    /// The figures of these outputs alone; what only the course of a run gives is None.
    pub fn measure(measurement: &Measurement) -> Self {
        let &Measurement { val, probe, classes, leaks, near_leaks, in_first_half } = measurement;
        let measured = val.measured();
        let gap = probe.map(|probe| Gap::between(&probe.measured(), &measured));
        let clean = leaks.filter(|leaks| leaks.contains(&true)).map(|leaks| measured.only(|image| !leaks[image]));
        let clean_gap = probe.zip(clean.as_ref()).map(|(probe, clean)| Gap::between(&probe.measured(), clean));
        let leaks_of_both_kinds = leaks.and_then(|leaks| leaks_of_both_kinds(leaks, near_leaks));
        let cleaner = leaks_of_both_kinds.map(|leaks| measured.only(|image| !leaks[image]));
        let cleaner_gap = probe.zip(cleaner.as_ref()).map(|(probe, clean)| Gap::between(&probe.measured(), clean));
        let Overconfidence { nats, temperature } =
            Overconfidence::measure(&val.logits, &val.labels, classes, in_first_half);
        Self {
            val_loss: measured.mean_loss(),
            val_acc: stats::percent(&measured.correct),
            probe_loss: gap.map(|gap| gap.probe_loss),
            probe_acc: gap.map(|gap| gap.probe_acc),
            gap_loss: gap.map(|gap| gap.gap_loss),
            gap_acc: gap.map(|gap| gap.gap_acc),
            overconfidence: nats,
            temperature,
            calibration_error: stats::calibration_error(&Logits::new(&val.logits, &val.labels, classes)),
            val_loss_without_leaks: clean.as_ref().map(|clean| clean.mean_loss()),
            val_acc_without_leaks: clean.as_ref().map(|clean| stats::percent(&clean.correct)),
            gap_loss_without_leaks: clean_gap.map(|gap| gap.gap_loss),
            val_loss_without_near_leaks: cleaner.as_ref().map(|clean| clean.mean_loss()),
            val_acc_without_near_leaks: cleaner.as_ref().map(|clean| stats::percent(&clean.correct)),
            gap_loss_without_near_leaks: cleaner_gap.map(|gap| gap.gap_loss),
            ..Self::default()
        }
    }
}
