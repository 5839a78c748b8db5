//! `plateau` and `decays-too-early`: whether length and schedule of the run fit.

use crate::{
    gap::{Case, Finding, Id, Severity},
    stats::Trend,
};

/// Epochs of equal rate that a drop must follow for val's course before it to be judged.
const BEFORE: usize = 4;
/// Val loss must have fallen by this share of itself over these epochs…
const GAIN: f64 = 0.04;
/// …and by this number of nats.
const LEAST: f64 = 0.02;

/// Reports that neither loss has moved for a third of the run.
pub fn plateau(case: &Case) -> Option<Finding> {
    let (train, val) = (case.curves.tail(|point| point.train_loss), case.curves.tail(|point| point.val_loss));
    let last = case.curves.last()?;
    if case.curves.points.len() < 9 || !is_still(&train, last.train_loss.max(0.1)) || !is_still(&val, last.val_loss) {
        return None;
    }
    let rates = case.curves.series(|point| point.lr);
    let highest = rates.iter().map(|(_, rate)| *rate).fold(0.0, f64::max);
    let tail = case.curves.tail(|point| point.lr);
    let is_spent = !tail.is_empty() && tail.iter().all(|(_, rate)| *rate < 0.11 * highest);
    let (severity, advice) = if is_spent {
        (
            Severity::Info,
            "The rate is nearly zero there: a shorter run (--epochs) would have given the same result, and a later drop of the rate a \
             better one.",
        )
    } else {
        (
            Severity::Warning,
            "Lower the rate when the losses stop moving (a schedule that ends near zero), or end the run there.",
        )
    };
    let finding = Finding::new(Id::Plateau, severity, format!("Nothing has moved since epoch {:.0}", train[0].0))
        .because(format!(
            "Over the last {} epochs the {} went from {:.3} to {:.3} and val loss from {:.3} to {:.3}.",
            train.len(),
            case.training(),
            train[0].1,
            last.train_loss,
            val[0].1,
            last.val_loss
        ))
        .advise(advice)
        .figures([("epoch", train[0].0)]);
    Some(finding)
}

/// Whether `points` neither rise nor fall nor scatter by more than a hundredth of `level`.
fn is_still(points: &[(f64, f64)], level: f64) -> bool {
    let Some(trend) = Trend::of(points) else { return false };
    let moved = trend.slope.abs() * (points.len() - 1) as f64;
    moved < (0.01 * level).max(0.002) && trend.noise < 0.01 * level
}

/// Reports that the rate fell to a quarter or less while val loss was still falling at an even rate, and that val loss
/// hardly fell afterwards.
pub fn too_early(case: &Case) -> Option<Finding> {
    let (rates, val) = (case.curves.series(|point| point.lr), case.curves.series(|point| point.val_loss));
    if rates.len() != val.len() {
        return None;
    }
    let drop = (BEFORE..rates.len()).find_map(|at| {
        let before = &rates[at - BEFORE..at];
        let is_even = before.iter().all(|(_, rate)| (rate / before[0].1 - 1.0).abs() < 0.2);
        let fell = Trend::of(&val[at - BEFORE..at])?;
        // The drop itself lowers val loss within an epoch or two, so the trend is read from two epochs later on.
        let after = Trend::of(val.get(at + 2..)?)?;
        let stalls = after.slope > 0.1 * fell.slope;
        let matters = -fell.slope * BEFORE as f64 > (GAIN * val[at - 1].1).max(LEAST);
        (is_even && rates[at].1 < 0.25 * before[0].1 && fell.falls() && stalls && matters).then_some((
            at,
            fell.slope,
            after.slope,
        ))
    });
    let (at, before, after) = drop?;
    let finding = Finding::new(Id::DecaysTooEarly, Severity::Warning, format!("The learning rate fell too early, in epoch {:.0}", rates[at].0))
        .because(format!(
            "Val loss was falling by {:.4} nats an epoch when the rate went from {:.2e} to {:.2e}; from two epochs later on it \
             changed by {after:+.4} an epoch.",
            -before,
            rates[at - 1].1,
            rates[at].1
        ))
        .advise("Keep the higher rate until val loss stands still (more --epochs stretch every phase), then lower it.")
        .figures([("epoch", rates[at].0), ("slope_before", before), ("slope_after", after)]);
    Some(finding)
}
