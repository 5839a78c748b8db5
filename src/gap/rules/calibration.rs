//! `overconfident` and `underconfident`: what one temperature takes off val loss.

use crate::gap::{Case, Finding, Id, Severity, advice};

/// Nats from which it is worth words, and from which worth a warning.
const SOME: f64 = 0.02;
const MUCH: f64 = 0.05;

pub fn find(case: &Case) -> Vec<Finding> {
    let Some(done) = case.run.as_ref().and_then(|run| run.done.as_ref()) else { return Vec::new() };
    let (nats, temperature) = (done.overconfidence, done.temperature);
    if nats.is_nan() || nats < SOME {
        return Vec::new();
    }
    let severity = if nats >= MUCH { Severity::Warning } else { Severity::Info };
    let share = done.overconfidence_share_of_gap;
    let of_gap = share.map_or(String::new(), |share| format!(", {:.0} % of the gap", 100.0 * share));
    let evidence = format!(
        "A temperature of {temperature:.2} takes {nats:.3} nats off val loss (fitted on one half of val, scored on the \
         other){of_gap}. Expected calibration error {:.3}.",
        done.calibration_error
    );
    let finding = if temperature > 1.0 {
        // As large a loss through confidence alone is what is wrong with this run, whatever else is.
        let is_the_cause = share.is_some_and(|share| share > 0.5) || nats > 0.25 * done.last.val_loss;
        let severity = if is_the_cause { Severity::Problem } else { severity };
        Finding::new(Id::Overconfident, severity, "The network is surer than it is right")
            .because(evidence)
            .advise(advice::against_confidence(case, temperature))
    } else {
        Finding::new(Id::Underconfident, Severity::Info, "The network is less sure than it is right")
            .because(evidence)
            .advise(format!(
                "Smoothing, mixing and strong augmentation do that; its ranking does not suffer. Divide the logits by \
                 {temperature:.2} where probabilities matter."
            ))
    };
    let finding = finding
        .figure("nats", nats)
        .figure("temperature", temperature)
        .figure("calibration_error", done.calibration_error);
    vec![finding]
}
