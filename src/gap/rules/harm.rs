//! `gap-benign`, `gap-harmful` and `gap-unclear`: does val loss still fall while the gap is open?

use crate::{
    gap::{Case, Finding, Id, LossPoint, Severity, advice},
    stats::{Course, Estimate, Lately},
};

/// A gap below this share of val loss is too small to report.
const SMALL: f64 = 0.08;
/// A gap below this number of nats is no warning, even where it is a large share of a small val loss.
const LITTLE: f64 = 0.03;
/// Val loss has risen when it ends above its lowest by more than this share of it.
const RISEN: f64 = 0.02;

pub fn find(case: &Case) -> Option<Finding> {
    let (gap, last, best) = (case.gap()?, case.curves.last()?, case.curves.best()?);
    if !gap.is_open() || gap.share < SMALL {
        return None;
    }
    let lately = case.val_loss_lately()?;
    let opening = format!(
        "The gap is {:.3} nats after epoch {} ({:.0} % of val loss). ",
        gap.value,
        last.epoch,
        100.0 * gap.share
    );
    let is_risen = lately.end - lately.lowest > (RISEN * lately.lowest).max(2.0 * lately.noise);
    let mut finding = match lately.course {
        Course::Falls if is_risen => falls_again(case, best, &lately),
        Course::Falls => falls(case, best, last, &lately),
        Course::Stands if is_risen => harms(case, best, last, &lately),
        Course::Stands => stands(case, best, last, &lately),
        Course::Rises => harms(case, best, last, &lately),
        Course::Unclear => unclear(case, best, last, &lately),
    };
    finding.evidence.insert_str(0, &opening);
    if gap.value < LITTLE {
        finding.severity = Severity::Info;
    }
    Some(finding.figures([
        ("gap", gap.value),
        ("gap_error", gap.error),
        ("slope", lately.slope),
        ("slope_error", lately.error),
        ("since", lately.since),
        ("best_epoch", f64::from(best.epoch)),
        ("best_val_loss", best.val_loss),
        ("last_val_loss", last.val_loss),
    ]))
}

fn falls(case: &Case, best: &LossPoint, last: &LossPoint, lately: &Lately) -> Finding {
    let is_since = |point: &&LossPoint| f64::from(point.epoch) >= lately.since && point.val_loss.is_finite();
    let first = case.curves.points.iter().find(is_since).unwrap_or(best);
    Finding::new(Id::GapBenign, Severity::Info, "The gap does no harm yet: validation loss still falls")
        .because(format!(
            "Val loss fell from {:.3} after epoch {} to {:.3}, lately by {} nats an epoch; its lowest is {:.3} (epoch {}). \
             The network still learns features that hold for val{}.",
            first.val_loss,
            first.epoch,
            last.val_loss,
            slope(-lately.slope, lately.error),
            best.val_loss,
            best.epoch,
            if has_grown(case, lately) { "; features of the training images alone grow faster" } else { "" }
        ))
        .advise(advice::while_val_falls(case))
}

fn falls_again(case: &Case, best: &LossPoint, lately: &Lately) -> Finding {
    Finding::new(Id::GapHarmful, Severity::Warning, "Validation loss falls again, but is still above its lowest")
        .because(format!(
            "Val loss was {:.3} after epoch {}, rose, and has fallen since epoch {:.0} by {} nats an epoch, to {:.3}.",
            best.val_loss,
            best.epoch,
            lately.since,
            slope(-lately.slope, lately.error),
            lately.end
        ))
        .advise(advice::against_overfit(case))
}

fn stands(case: &Case, best: &LossPoint, last: &LossPoint, lately: &Lately) -> Finding {
    let (what, gained) = if has_grown(case, lately) {
        ("grows", "has helped the training images alone")
    } else {
        ("stays", "has not lowered it")
    };
    let title = format!("The gap {what} without gain: validation loss has stood still since epoch {:.0}", lately.since);
    Finding::new(Id::GapHarmful, Severity::Warning, title)
        .because(format!(
            "Val loss was {:.3} after epoch {}, its lowest, and is {:.3}; it changes by {} nats an epoch. Training \
             since epoch {:.0} {gained}.{}",
            best.val_loss,
            best.epoch,
            last.val_loss,
            slope(lately.slope, lately.error),
            lately.since,
            accuracy(case)
        ))
        .advise(advice::against_overfit(case))
}

fn harms(case: &Case, best: &LossPoint, last: &LossPoint, lately: &Lately) -> Finding {
    let accuracy_rose = case.accuracy_since_best().is_some_and(|change| change.rose());
    let title = match (lately.course, accuracy_rose) {
        (Course::Stands, _) => {
            format!("The gap harms: validation loss rose, and has stood still since epoch {:.0}", lately.since)
        }
        (_, true) => format!(
            "The gap harms confidence, not accuracy: validation loss has risen since epoch {:.0} while validation accuracy rises",
            lately.since
        ),
        (_, false) => format!("The gap harms: validation loss has risen since epoch {:.0}", lately.since),
    };
    let over_images = case.risen_over_images();
    // A rise that might not appear on other val images is a warning, not a problem.
    let is_sure = over_images.as_ref().is_none_or(|rise| rise.value > 2.0 * rise.standard_error);
    let severity = if is_sure { Severity::Problem } else { Severity::Warning };
    Finding::new(Id::GapHarmful, severity, title)
        .because(format!(
            "Val loss rose from {:.3} after epoch {} to {:.3}.{} {}{}",
            best.val_loss,
            best.epoch,
            last.val_loss,
            over_images.map_or(String::new(), image_by_image),
            stopping(case, best),
            accuracy(case)
        ))
        .advise(advice::against_overfit(case))
}

fn unclear(case: &Case, best: &LossPoint, last: &LossPoint, lately: &Lately) -> Finding {
    Finding::new(Id::GapUnclear, Severity::Info, "Noise hides whether the gap harms")
        .because(format!(
            "Val loss moves by {:.3} nats from epoch to epoch; its lowest is {:.3} (epoch {}), its last {:.3}. A trend of {} \
             nats an epoch cannot be distinguished from that noise.",
            lately.noise,
            best.val_loss,
            best.epoch,
            last.val_loss,
            slope(lately.slope, lately.error)
        ))
        .advise(advice::against_noise(case))
}

/// The share of the gap by which it has grown where that is said.
const GROWN: f64 = 0.1;

/// Whether the gap has grown while val loss did what it does lately.
fn has_grown(case: &Case, lately: &Lately) -> bool {
    let gaps = case.curves.series(|point| point.gap());
    let since = gaps.iter().position(|(epoch, _)| *epoch >= lately.since);
    let Some(since) = since.map(|at| &gaps[at..]) else { return false };
    // Of single epochs the noise is as large as what is asked for.
    let few = (since.len() / 3).clamp(1, 3);
    let mean = |gaps: &[(f64, f64)]| gaps.iter().map(|(_, gap)| gap).sum::<f64>() / gaps.len() as f64;
    let (then, now) = (mean(&since[..few]), mean(&since[since.len() - few..]));
    now - then > GROWN * now.abs()
}

/// A slope with its standard error, with more digits where the error is small.
fn slope(value: f64, error: f64) -> String {
    match error {
        error if error < 1e-6 => format!("{value:.4}"),
        error if error < 5e-4 => format!("{value:.5} ± {error:.5}"),
        error => format!("{value:.4} ± {error:.4}"),
    }
}

/// How val accuracy changed since the epoch of lowest val loss, as a sentence to append.
fn accuracy(case: &Case) -> String {
    match case.accuracy_since_best() {
        Some(change) if change.rose() => format!(
            " Val accuracy rose meanwhile from {:.1} to {:.1} %: an epoch chosen by val loss would lose these points.",
            change.at_best, change.now
        ),
        Some(change) if change.fell() => {
            format!(" Val accuracy fell meanwhile from {:.1} to {:.1} %.", change.at_best, change.now)
        }
        Some(change) => format!(" Val accuracy was {:.1} % there and is {:.1} %.", change.at_best, change.now),
        None => String::new(),
    }
}

fn image_by_image(rise: Estimate) -> String {
    format!(
        " Image by image the last epoch's losses lie {:.3} ± {:.3} nats above the best epoch's.",
        rise.value, rise.standard_error
    )
}

/// The val loss that stopping at the best epoch would have given, as a sentence.
fn stopping(case: &Case, best: &LossPoint) -> String {
    match case.run.as_ref().and_then(|run| run.done.as_ref()) {
        Some(done) if done.cross_fitted_best_loss.is_finite() => format!(
            "Stopping at the best epoch would have given {:.3} (cross-fitted: chosen on one half of val, scored on the other).",
            done.cross_fitted_best_loss
        ),
        _ => format!(
            "Stopping there would have given {:.3}, or a little more, since the epoch was chosen on val itself.",
            best.val_loss
        ),
    }
}
