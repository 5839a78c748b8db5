//! `val-noise`: how much val loss moves from epoch to epoch about its trend.

use crate::gap::{Case, Finding, Id, Severity, advice};

/// Noise as a share of val loss from which it is reported, and from which it is a warning.
const SOME: f64 = 0.015;
const MUCH: f64 = 0.05;
/// Noise in nats from which it is reported, and from which it is a warning; for losses near zero.
const SOME_NATS: f64 = 0.005;
const MUCH_NATS: f64 = 0.02;

pub fn find(case: &Case) -> Option<Finding> {
    let (noise, last) = (case.noise_of(|point| point.val_loss)?, case.curves.last()?);
    let share = noise / last.val_loss;
    if share < SOME || noise < SOME_NATS || case.curves.points.len() < 6 {
        return None;
    }
    // The bend of a smooth curve is no noise.
    let tail = case.curves.tail(|point| point.val_loss);
    let goes = |up: bool| tail.windows(2).any(|pair| (pair[1].1 > pair[0].1) == up);
    if !(goes(true) && goes(false)) {
        return None;
    }
    let severity = if share > MUCH && noise > MUCH_NATS { Severity::Warning } else { Severity::Info };
    let train = case.noise_of(|point| point.train_loss).unwrap_or(f64::NAN);
    let mut evidence = format!(
        "Over the last third of the epochs val loss moves by {noise:.3} nats ({:.1} %) about its trend, {} by {train:.3}. The \
         images are the same in every epoch, so the noise comes from the weights.",
        100.0 * share,
        case.training()
    );
    evidence += &flips(case).unwrap_or_default();
    let finding = Finding::new(Id::ValNoise, severity, "Validation loss jumps from epoch to epoch")
        .because(evidence)
        .advise(advice::against_noise(case))
        .figures([("noise", noise), ("share", share), ("train_noise", train)]);
    Some(finding)
}

/// How many val images turned wrong or right between the best and the last epoch, as a sentence to append.
fn flips(case: &Case) -> Option<String> {
    let predictions = case.run.as_ref()?.predictions.as_ref()?;
    let (best, last) = (predictions.best_val.measured(), predictions.last_val.measured());
    let epoch = case.curves.best()?.epoch;
    if best.correct.len() != last.correct.len() || epoch == case.curves.last()?.epoch {
        return None;
    }
    let mut lost = Vec::new();
    let mut won = 0;
    for (image, id) in predictions.last_val.ids.iter().enumerate() {
        match (best.correct[image], last.correct[image]) {
            (true, false) => lost.push(id.to_string()),
            (false, true) => won += 1,
            _ => {}
        }
    }
    let which = match &lost[..] {
        [] => String::new(),
        ids => format!(" (val samples {}, …)", ids[..ids.len().min(5)].join(", ")),
    };
    Some(format!(" Since epoch {epoch}, the best, {} val images turned wrong{which} and {won} right.", lost.len()))
}
