//! `val-noise`: how much val loss moves between epochs beyond its trend.

use crate::gap::{Case, Finding, Id, Severity, advice};

/// Share of val loss from which it is worth words, and from which worth a warning.
const SOME: f64 = 0.015;
const MUCH: f64 = 0.05;
/// Nats likewise, for losses near zero.
const SOME_NATS: f64 = 0.005;
const MUCH_NATS: f64 = 0.02;

pub fn find(case: &Case) -> Vec<Finding> {
    let (Some(noise), Some(last)) = (case.noise_of(|point| point.val_loss), case.curves.last()) else {
        return Vec::new();
    };
    let share = noise / last.val_loss;
    if share < SOME || noise < SOME_NATS || case.curves.points.len() < 6 {
        return Vec::new();
    }
    let severity = if share > MUCH && noise > MUCH_NATS { Severity::Warning } else { Severity::Info };
    let train = case.noise_of(|point| point.train_loss).unwrap_or(f64::NAN);
    let mut evidence = format!(
        "Over the last third of the epochs val loss moves by {noise:.3} nats ({:.1} %) about its trend, {} by {train:.3}. The \
         images are the same each time, so it is the weights that move.",
        100.0 * share,
        case.training()
    );
    evidence += &flips(case).unwrap_or_default();
    let finding = Finding::new(Id::ValNoise, severity, "Validation loss jumps from epoch to epoch")
        .because(evidence)
        .advise(advice::against_noise(case))
        .figure("noise", noise)
        .figure("share", share)
        .figure("train_noise", train);
    vec![finding]
}

/// Which val images changed sides between the best and the last epoch.
fn flips(case: &Case) -> Option<String> {
    let predictions = case.run.as_ref()?.predictions.as_ref()?;
    let (best, last) = (predictions.best_val.measured(), predictions.last_val.measured());
    let epoch = case.curves.best()?.epoch;
    if best.correct.len() != last.correct.len() || epoch == case.curves.last()?.epoch {
        return None;
    }
    let images = last.correct.len();
    let changed = |from: bool| -> Vec<usize> {
        (0..images).filter(|&n| best.correct[n] == from && last.correct[n] != from).collect()
    };
    let (lost, won) = (changed(true), changed(false).len());
    let ids: Vec<String> = lost.iter().take(5).map(|&n| predictions.last_val.ids[n].to_string()).collect();
    let which = if ids.is_empty() { String::new() } else { format!(" (val samples {}, …)", ids.join(", ")) };
    let lost = lost.len();
    Some(format!(" Since epoch {epoch}, the best, {lost} val images turned wrong{which} and {won} right."))
}
