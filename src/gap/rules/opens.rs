//! `gap-opens`: the epoch from which the gap grows, and whether the learning rate fell then.

use crate::{
    gap::{Case, Finding, Id, Severity},
    stats::Onset,
};

/// Significance level of the rise. It is strict because the onset is fitted to the same epochs that test it.
const LEVEL: f64 = 0.001;
/// A gap above this share of val loss…
const LARGE: f64 = 0.2;
/// …and above this number of nats is a warning.
const LARGE_NATS: f64 = 0.03;

pub fn find(case: &Case) -> Option<Finding> {
    let (last, gap) = (case.curves.last()?, case.gap()?);
    let onset = Onset::of(&case.curves.series(|point| point.gap()))?;
    let grows = onset.p < LEVEL && onset.rise > (0.04 * last.val_loss).max(2.0 * onset.noise);
    if !grows || !gap.is_open() {
        return None;
    }
    let [low, high] = onset.interval;
    let first = *case.curves.points.iter().find(|point| point.gap().is_finite())?;
    let severity = if gap.share > LARGE && gap.value > LARGE_NATS { Severity::Warning } else { Severity::Info };
    let begin =
        case.curves.points.iter().find(|point| f64::from(point.epoch) == onset.at && point.epoch != first.epoch);
    let begin = begin.map_or(String::new(), |point| format!(", {:.3} after epoch {}", point.gap(), point.epoch));
    let when = if low.round() == high.round() {
        format!("in epoch {low:.0}")
    } else {
        format!("between epochs {low:.0} and {high:.0}")
    };
    let finding = Finding::new(Id::GapOpens, severity, format!("The gap opens from epoch {:.0} on", onset.at))
        .because(format!(
            "It was {:.3} after epoch {}{begin} and is {:.3} after epoch {}; with 95 % confidence it began to grow {when}. \
             {}",
            first.gap(),
            first.epoch,
            last.gap(),
            last.epoch,
            coincidence(case, low, high)
        ))
        .advise("This says when the gap opened, not whether it harms: see what val loss does meanwhile.")
        .figures([("epoch", onset.at), ("epoch_low", low), ("epoch_high", high)])
        .figures([("gap_first", first.gap()), ("gap", last.gap())]);
    Some(finding)
}

/// Whether the learning rate fell where the gap began to grow, as a sentence.
fn coincidence(case: &Case, low: f64, high: f64) -> String {
    let rates = case.curves.series(|point| point.lr);
    if rates.len() < 2 {
        return "The learning rate is not known, so a drop of it may have been the cause.".to_owned();
    }
    for pair in rates.windows(2) {
        let (_, before) = pair[0];
        let (epoch, after) = pair[1];
        if after < 0.45 * before && (low..=high + 1.0).contains(&epoch) {
            return format!(
                "The learning rate fell from {before:.2e} to {after:.2e} in epoch {epoch:.0}: small steps fit details of single \
                 images."
            );
        }
    }
    "The learning rate did not drop then.".to_owned()
}
