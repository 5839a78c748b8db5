//! `rate-too-high` and `rate-too-low`: what the course of the training loss says about the learning rate.

use crate::{
    gap::{Case, Finding, Id, Severity},
    stats::Trend,
};

/// A rise of the training loss from one epoch to the next is a jump when it is above this share of the loss and above
/// `LEAST` nats.
const JUMP: f64 = 0.08;
const LEAST: f64 = 0.03;
/// Share of epochs with a jump from which the jumps are a problem of the whole run.
const MANY: f64 = 0.25;

pub fn find(case: &Case) -> Option<Finding> {
    let losses = case.curves.series(|point| point.train_loss);
    if losses.len() < 6 {
        return None;
    }
    too_high(case, &losses).or_else(|| too_low(case, &losses))
}

fn too_high(case: &Case, losses: &[(f64, f64)]) -> Option<Finding> {
    let is_jump = |pair: &&[(f64, f64)]| pair[1].1 > pair[0].1 * (1.0 + JUMP) && pair[1].1 > pair[0].1 + LEAST;
    let jumps: Vec<f64> = losses.windows(2).filter(is_jump).map(|pair| pair[1].0).collect();
    let steps = losses.len() - 1;
    let is_stuck = case.chance().is_some_and(|chance| {
        // No better than guessing, but moving: the weights change without learning anything.
        let after = &losses[1..];
        let moves = Trend::of(after).is_some_and(|trend| trend.noise > 0.01 * chance);
        after.iter().all(|(_, loss)| *loss > 0.95 * chance) && moves
    });
    let share = jumps.len() as f64 / steps as f64;
    if !(is_stuck || jumps.len() >= 3 && share >= 0.15) {
        return None;
    }
    // Jumps that ended long before the run, such as those of a cyclic phase, cost time but do not harm the result.
    let late = jumps.iter().filter(|epoch| **epoch > losses[losses.len() * 2 / 3].0).count();
    let severity = if is_stuck || late >= 2 || share >= MANY { Severity::Problem } else { Severity::Warning };
    let evidence = if is_stuck {
        format!("The {} stays at that of guessing and jumps up and down.", case.training())
    } else {
        let list: Vec<String> = jumps.iter().take(6).map(|epoch| format!("{epoch:.0}")).collect();
        let more = if jumps.len() > 6 { ", …" } else { "" };
        format!(
            "The {} rose by more than {:.0} % in {} of {steps} epochs ({}{more}): the steps overshoot the minimum.",
            case.training(),
            100.0 * JUMP,
            jumps.len(),
            list.join(", ")
        )
    };
    let rate = case.curves.series(|point| point.lr).into_iter().map(|(_, rate)| rate).fold(f64::NAN, f64::max);
    let advice = if rate.is_finite() {
        // Four digits: a rate is the product of others.
        let rate: f64 = format!("{rate:.3e}").parse().unwrap_or(rate);
        format!("Lower the peak rate (it was {rate}; try --lr {:.2e}), or find it with mindgap find-lr.", rate / 3.0)
    } else {
        "Lower the learning rate to a third, or find it with mindgap find-lr.".to_owned()
    };
    let finding = Finding::new(Id::RateTooHigh, severity, "The learning rate is too high: training loss jumps")
        .because(evidence)
        .advise(advice)
        .figures([("jumps", jumps.len() as f64), ("share_of_epochs", share)]);
    Some(finding)
}

/// Reports a training loss that falls as evenly at the end as at the beginning and is still high: larger steps would have
/// lowered it faster.
fn too_low(case: &Case, losses: &[(f64, f64)]) -> Option<Finding> {
    let third = (losses.len() / 3).max(3);
    let (begin, end) = (Trend::of(&losses[..third])?, Trend::of(&losses[losses.len() - third..])?);
    let (first, last) = (losses[0].1, losses[losses.len() - 1].1);
    let is_even = begin.falls() && end.falls() && end.slope < 0.6 * begin.slope && begin.slope < 0.0;
    // A network that predicts most training images right does not have a high loss in this sense.
    let accuracies = case.curves.series(|point| point.train_acc);
    let is_right = accuracies.last().is_some_and(|(_, accuracy)| *accuracy > 75.0);
    let is_far = last > 0.6 * case.chance().unwrap_or(first) && !is_right;
    let is_smooth = end.noise < 0.01 * last;
    if !(is_even && is_far && is_smooth) {
        return None;
    }
    let finding = Finding::new(Id::RateTooLow, Severity::Problem, "The learning rate is too low: training loss falls slowly and evenly")
        .because(format!(
            "The {} fell by {:.4} nats an epoch at the beginning and still does by {:.4} at the end, without a jump, and is \
             only at {last:.3}.",
            case.training(),
            -begin.slope,
            -end.slope
        ))
        .advise("Raise the learning rate (--lr, threefold at first), or find it with mindgap find-lr.")
        .figures([("slope_first", begin.slope), ("slope_last", end.slope)]);
    Some(finding)
}
