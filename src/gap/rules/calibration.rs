//! `overconfident` and `underconfident`: how much of val loss one temperature removes.

use crate::{
    gap::{Case, Finding, Id, Severity, advice},
    stats::Course,
};

/// Nats from which miscalibration is reported, and from which it is a warning.
const SOME: f64 = 0.02;
const MUCH: f64 = 0.05;

pub fn find(case: &Case) -> Option<Finding> {
    let Some(done) = case.run.as_ref().and_then(|run| run.done.as_ref()) else {
        return from_curves(case);
    };
    let nats = done.overconfidence;
    let temperature = done.temperature;
    if nats.is_nan() || nats < SOME {
        return None;
    }
    let severity = if nats >= MUCH { Severity::Warning } else { Severity::Info };
    let share = done.overconfidence_share_of_gap;
    let of_gap = share.map_or(String::new(), |share| format!(", {:.0} % of the gap", 100.0 * share));
    let evidence = format!(
        "A temperature of {temperature:.2} removes {nats:.3} nats from val loss (fitted on one half of val, scored on the \
         other){of_gap}. Expected calibration error {:.3}.",
        done.calibration_error
    );
    let finding = if temperature > 1.0 {
        // A loss this large through confidence alone is the main trouble of the run.
        let is_the_cause = share.is_some_and(|share| share > 0.5) || nats > 0.25 * done.last.val_loss;
        let severity = if is_the_cause { Severity::Problem } else { severity };
        Finding::new(Id::Overconfident, severity, "The network is overconfident")
            .because(evidence)
            .advise(advice::against_confidence(case, temperature))
    } else {
        Finding::new(Id::Underconfident, Severity::Info, "The network is underconfident")
            .because(evidence)
            .advise(format!(
                "Label smoothing, mixing and strong augmentation cause this; accuracy does not suffer. Divide the logits by \
                 {temperature:.2} where probabilities matter."
            ))
    };
    let finding =
        finding.figures([("nats", nats), ("temperature", temperature), ("calibration_error", done.calibration_error)]);
    Some(finding)
}

/// The sign of overconfidence in a log without logits: val loss rises while val accuracy rises.
fn from_curves(case: &Case) -> Option<Finding> {
    let change = case.accuracy_since_best().filter(crate::gap::AccuracyChange::rose)?;
    let lately = case.val_loss_lately()?;
    let (best, last) = (case.curves.best()?, case.curves.last()?);
    let risen = lately.end - lately.lowest;
    if lately.course == Course::Falls || risen < (0.02 * lately.lowest).max(2.0 * lately.noise) {
        return None;
    }
    let finding = Finding::new(
        Id::Overconfident,
        Severity::Warning,
        "The network grows overconfident: validation loss rises while validation accuracy rises",
    )
    .because(format!(
        "Since epoch {} val loss rose from {:.3} to {:.3}, while val accuracy rose from {:.1} to {:.1} %: more predictions \
         are right, and the wrong ones are made with more confidence. How many nats a temperature would recover cannot be \
         computed without the logits.",
        best.epoch, best.val_loss, last.val_loss, change.at_best, change.now
    ))
    .advise(
        "Choose the epoch by the figure that matters to you: accuracy is best late, probabilities are best early. A \
         temperature fitted on val repairs probabilities and changes no prediction; label smoothing \
         (0.1), mixup or weight decay limit confidence during training.",
    )
    .figures([("accuracy_at_best", change.at_best), ("accuracy", change.now), ("risen", risen)]);
    Some(finding)
}
