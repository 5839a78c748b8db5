//! Runs all rules on a case and sorts what they find.

use std::cmp::Reverse;

use serde::Serialize;

use crate::stats::{Course, Lately};

use super::{Bill, Case, Finding, Id, LossPoint, Severity, TrainingLoss, next, rules::RULES};

/// The findings about a run or a log.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Diagnosis {
    /// The run folder or log file.
    pub subject: String,
    /// Epochs that are recorded.
    pub epochs: usize,
    /// Val loss − training loss after the last epoch \[nats\].
    pub gap_loss: Option<f64>,
    /// Standard error of `gap_loss` over images; absent for a log.
    pub gap_loss_se: Option<f64>,
    /// What val loss does lately; absent below five epochs.
    pub val_loss_lately: Option<Lately>,
    /// The bill of the gap, where `mindgap bill` made one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bill: Option<Bill>,
    /// What the input does not hold, so that the diagnosis cannot judge it, one sentence each.
    pub notes: Vec<String>,
    /// The findings: the gravest first, and of equal ones a cause before its effects; `next` last.
    pub findings: Vec<Finding>,
    /// Losses and accuracies after each epoch, as they were read; null where a figure is unknown or not finite.
    pub points: Vec<LossPoint>,
}

/// Fewest epochs of a run that can be called healthy.
const FEW: usize = 6;
/// A gap above this share of val loss is not healthy.
const LARGE: f64 = 0.6;
/// One above this share is not where noise hides what val loss does.
const LARGE_UNCLEAR: f64 = 0.3;
/// Findings that judge images and confidence by what the network has learned: one that diverged has learned nothing.
const OF_A_WORKING_NETWORK: [Id; 5] = [Id::LabelNoise, Id::Underfit, Id::Overconfident, Id::ClassGap, Id::ValSmall];

/// Diagnoses a case.
pub fn diagnose(case: &Case) -> Diagnosis {
    let mut findings: Vec<Finding> = RULES.iter().filter_map(|rule| rule(case)).collect();
    if findings.iter().any(|finding| finding.id == Id::Diverged) {
        findings.retain(|finding| !OF_A_WORKING_NETWORK.contains(&finding.id));
    }
    if findings.iter().all(|finding| finding.severity == Severity::Info && finding.id != Id::GapBenign) {
        findings.extend(healthy(case));
    }
    findings.sort_by_key(|finding| (Reverse(finding.severity), finding.id));
    findings.push(next::next(case, &findings));
    let gap = case.gap();
    Diagnosis {
        subject: case.name.clone(),
        epochs: case.curves.points.len(),
        gap_loss: case.curves.last().map(|last| last.gap()).filter(|gap| gap.is_finite()),
        gap_loss_se: gap.filter(|gap| gap.is_over_images).map(|gap| gap.error),
        val_loss_lately: case.val_loss_lately(),
        bill: case.run.as_ref().and_then(|run| run.bill.clone()),
        notes: notes(case),
        findings,
        points: case.curves.points.clone(),
    }
}

impl Diagnosis {
    /// Adds a finding and sorts again; `next` stays last.
    pub fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
        self.findings.sort_by_key(|finding| (finding.id == Id::Next, Reverse(finding.severity), finding.id));
    }
}

/// Says that nothing needs a change, where the gap is known and small and there are enough epochs to judge by.
fn healthy(case: &Case) -> Option<Finding> {
    let (gap, last) = (case.gap()?, case.curves.last()?);
    let is_doubtful = case.val_loss_lately().is_some_and(|lately| match lately.course {
        Course::Rises => true,
        Course::Unclear => gap.share > LARGE_UNCLEAR,
        Course::Falls | Course::Stands => false,
    });
    if case.curves.points.len() < FEW || gap.share > LARGE || is_doubtful {
        return None;
    }
    let finding = Finding::new(Id::Healthy, Severity::Info, "Healthy: nothing needs a change")
        .because(format!(
            "After epoch {} the {} is {:.3} and val loss {:.3}: a gap of {:.3} ± {:.3} nats{}.",
            last.epoch,
            case.training(),
            last.train_loss,
            last.val_loss,
            gap.value,
            gap.error,
            if gap.value > 0.0 { format!(", {:.0} % of val loss", 100.0 * gap.share) } else { String::new() }
        ))
        .advise(
            "Nothing found here needs a change. Longer training or a larger network may still gain; compare over seeds.",
        );
    Some(finding)
}

/// Names what the input lacks.
fn notes(case: &Case) -> Vec<String> {
    let mut notes = case.notes.clone();
    if case.curves.training == TrainingLoss::Running {
        notes.push(
            "This is a log of another trainer: its gap is val loss minus the training loss in the log, a running mean that includes \
             augmentation, dropout and moving weights."
                .to_owned(),
        );
    }
    if case.run.is_none() {
        notes.push(
            "It holds neither the losses of single images nor the size of val: calibration, labels, leaks, classes and standard errors over \
             images are not judged; errors are the noise from epoch to epoch."
                .to_owned(),
        );
    }
    if let Some(recorder) = case.run.as_ref().and_then(|run| run.recorder.as_ref()) {
        notes.push(format!(
            "Another training loop trained this run ({}), and {} recorded it: its recipe is not recorded, so advice cannot say \
             which knobs are on.",
            recorder.framework, recorder.package
        ));
    }
    let points = &case.curves.points;
    let missing = match (points.first(), points.last()) {
        (Some(first), Some(last)) => (last.epoch - first.epoch) as usize + 1 - points.len(),
        _ => 0,
    };
    if let Some(first) = points.first().filter(|first| first.epoch > 1) {
        notes.push(format!("It begins with epoch {}; the epochs before it are not known.", first.epoch));
    }
    if missing > 0 {
        notes.push(format!("{missing} {} missing in between.", if missing == 1 { "epoch is" } else { "epochs are" }));
    }
    if points.len() < FEW {
        let epochs = if points.len() == 1 { "1 epoch is" } else { &format!("{} epochs are", points.len()) };
        notes.push(format!("{epochs} too few to judge by: trends and change points need six or more."));
    }
    notes
}
