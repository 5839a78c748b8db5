//! `underfit`: training loss itself is high, so the gap is not the trouble.

use crate::gap::{Case, Finding, Id, Severity, advice};

/// Share of the loss of guessing above which a training loss is high.
const BAD: f64 = 0.5;
/// Share of val loss below which the gap is small.
const SMALL: f64 = 0.15;
/// Relative distance within which a loss is that of guessing.
const GUESSING: f64 = 0.02;

pub fn find(case: &Case) -> Option<Finding> {
    let (last, gap, chance) = (case.curves.last()?, case.gap()?, case.chance()?);
    // Loss through overconfidence alone is not a lack of fit.
    let by_confidence = case.overconfidence().map_or(0.0, |(nats, _)| nats);
    if last.train_loss - by_confidence < BAD * chance || gap.share > SMALL || case.curves.points.len() < 3 {
        return None;
    }
    let still_falls = case.still_falls();
    let course = if still_falls { "still falls" } else { "hardly falls any more" };
    let distance = match gap.value {
        value if value < 0.0 => format!("{:.3} below it", -value),
        value => format!("only {value:.3} above it"),
    };
    let classes = case.classes().map_or(String::new(), |classes| format!(": ln {classes}"));
    let is_guessing = (last.train_loss - chance).abs() < GUESSING * chance;
    let title = if is_guessing {
        "The network learns nothing: its loss is that of guessing"
    } else {
        "The network under-fits: its training loss is high too"
    };
    let finding = Finding::new(Id::Underfit, Severity::Problem, title)
        .because(format!(
            "The {} is {:.3} after epoch {} (guessing is {chance:.3}{classes}) and {course}; val loss lies {distance}.",
            case.training(),
            last.train_loss,
            last.epoch
        ))
        .advise(match is_guessing {
            true => advice::against_guessing(case),
            false => advice::against_underfit(case, still_falls),
        })
        .figures([("train_loss", last.train_loss), ("chance", chance), ("gap", gap.value)]);
    Some(finding)
}
