//! `diverged`: a loss is not finite, or training loss ended far above its lowest value, or above that of guessing.

use crate::gap::{Case, Finding, Id, Severity};

/// A run has diverged when its training loss ended so many nats above its lowest…
const NATS_ABOVE: f64 = 1.0;
/// …and at this multiple of it.
const TIMES_LOWEST: f64 = 1.5;
/// It has diverged too when that loss is so many times the loss of guessing.
const TIMES_GUESSING: f64 = 5.0;

pub fn find(case: &Case) -> Option<Finding> {
    let points = &case.curves.points;
    let advice = "Lower the learning rate (--lr, to a third at first), warm it up (--warmup-epochs), or clip \
                  the gradient (--clip-grad 1); mindgap find-lr shows how high it may be.";
    let lost = points.iter().find(|point| point.train_loss == f64::INFINITY || point.val_loss == f64::INFINITY);
    if let Some(point) = lost {
        let finding = Finding::new(Id::Diverged, Severity::Problem, "The run diverged: a loss is not finite")
            .because(format!("After epoch {} a loss is not finite.", point.epoch))
            .advise(advice)
            .figures([("epoch", f64::from(point.epoch))]);
        return Some(finding);
    }
    let losses = case.curves.series(|point| point.train_loss);
    if let (Some((epoch, last)), Some(chance)) = (losses.last(), case.chance())
        && *last > TIMES_GUESSING * chance
    {
        let title = "The run diverged: training loss is far above that of guessing";
        let finding = Finding::new(Id::Diverged, Severity::Problem, title)
            .because(format!("The {} is {last:.3} after epoch {epoch:.0}; guessing is {chance:.3}.", case.training()))
            .advise(advice)
            .figures([("last", *last), ("chance", chance)]);
        return Some(finding);
    }
    let lowest = losses.iter().copied().reduce(|a, b| if b.1 < a.1 { b } else { a });
    let (lowest, last) = (lowest?, losses.last()?);
    if last.1 < lowest.1 + NATS_ABOVE || last.1 < lowest.1 * TIMES_LOWEST || losses.len() < 3 {
        return None;
    }
    let finding =
        Finding::new(Id::Diverged, Severity::Problem, "The run diverged: training loss ended far above its lowest")
            .because(format!(
                "The {} was {:.3} after epoch {} and is {:.3} after epoch {}.",
                case.training(),
                lowest.1,
                lowest.0,
                last.1,
                last.0
            ))
            .advise(advice)
            .figures([("lowest", lowest.1), ("last", last.1)]);
    Some(finding)
}
