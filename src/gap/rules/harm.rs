//! `gap-benign` and `gap-harmful`: does val still gain while the gap grows?

use crate::{
    gap::{Case, Finding, Id, Severity, advice, rules},
    stats::{self, Trend},
};

/// Share of val loss below which a gap does no harm worth words.
const SMALL: f64 = 0.08;

/// What val loss does since the gap opened.
enum Course {
    Falls,
    Flat,
    Rises,
}

pub fn find(case: &Case) -> Vec<Finding> {
    judge(case).into_iter().collect()
}

fn judge(case: &Case) -> Option<Finding> {
    let (gap, last, best) = (case.gap()?, case.curves.last()?, case.curves.best()?);
    if !gap.is_open() || gap.share < SMALL || case.curves.points.len() < 5 {
        return None;
    }
    let val = case.curves.series(|point| point.val_loss);
    let begin = rules::onset(case).map_or(val[val.len() / 2].0, |onset| onset.at);
    let since: Vec<(f64, f64)> = val.iter().copied().filter(|(epoch, _)| *epoch >= begin).collect();
    // The end as the mean of up to three epochs: one of them may be luck.
    let end = stats::mean(&val[val.len() - 3..].iter().map(|(_, loss)| *loss).collect::<Vec<_>>());
    let noise = case.noise_of(|point| point.val_loss)?;
    // The lowest of many noisy epochs lies below what it stands for.
    let risen = end - best.val_loss - noise;
    let is_early = f64::from(best.epoch) < val[val.len() - 3].0;
    let course = if is_early && risen > (0.02 * best.val_loss).max(2.0 * noise) {
        Course::Rises
    } else if Trend::of(&since).is_some_and(|trend| trend.falls()) && !is_long_past(case, best.epoch) {
        Course::Falls
    } else {
        Course::Flat
    };
    let after = format!(
        "The gap is {:.3} nats after epoch {} ({:.0} % of val loss).",
        gap.value,
        last.epoch,
        100.0 * gap.share
    );
    let finding = match course {
        Course::Falls => Finding::new(Id::GapBenign, Severity::Info, "The gap does no harm yet: validation loss still falls")
            .because(format!(
                "{after} Val loss fell from {:.3} after epoch {} to {:.3}, its lowest is {:.3} (epoch {}): the network still \
                 learns what holds for val, and learns what holds for training images alone faster.",
                since[0].1, since[0].0, last.val_loss, best.val_loss, best.epoch
            ))
            .advise(advice::while_val_falls(case)),
        Course::Flat => Finding::new(Id::GapHarmful, Severity::Warning, "The gap grows for nothing: validation loss stands still")
            .because(format!(
                "{after} Val loss was {:.3} after epoch {}, its lowest, and is {:.3}: what was learnt since then holds for \
                 training images alone.",
                best.val_loss, best.epoch, last.val_loss
            ))
            .advise(advice::against_overfit(case)),
        Course::Rises => Finding::new(Id::GapHarmful, Severity::Problem, "The gap harms: validation loss rises while training loss falls")
            .because(format!("{after} Val loss rose from {:.3} after epoch {} to {:.3}. {}", best.val_loss, best.epoch, last.val_loss, stopping(case)))
            .advise(advice::against_overfit(case)),
    };
    let finding = finding
        .figure("gap", gap.value)
        .figure("gap_error", gap.error)
        .figure("best_epoch", f64::from(best.epoch))
        .figure("best_val_loss", best.val_loss)
        .figure("last_val_loss", last.val_loss);
    Some(finding)
}

/// Whether the best epoch lies in the first half of the run.
fn is_long_past(case: &Case, best: u32) -> bool {
    let (Some(first), Some(last)) = (case.curves.points.first(), case.curves.last()) else { return false };
    2 * (best - first.epoch) < last.epoch - first.epoch
}

/// What stopping at the best epoch would have given.
fn stopping(case: &Case) -> String {
    let Some(best) = case.curves.best() else { return String::new() };
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
