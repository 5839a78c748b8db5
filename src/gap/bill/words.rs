//! The measurement behind each item, and the bill in one sentence.

use super::{
    evidence::{BillEvidence, Losses},
    item::{BillItem, Cause, QUANTILE},
    totals::Totals,
};
use crate::stats::mean;

/// The measurement behind the item of `cause`, or why there is none.
pub(super) fn evidence(cause: Cause, evidence: &BillEvidence, losses: &Losses, totals: &Totals) -> String {
    match cause {
        Cause::Flattery => flattery(evidence, totals),
        Cause::Sampling => sampling(evidence, losses, totals),
        Cause::Calibration => calibration(evidence, losses),
        Cause::Labels => labels(evidence, totals),
        Cause::ClassMix => class_mix(evidence, totals),
        Cause::Memorisation => memorisation(evidence, losses),
        Cause::Generalisation => generalisation(evidence),
    }
}

fn flattery(evidence: &BillEvidence, totals: &Totals) -> String {
    let leaks = evidence.leaks.iter().filter(|leak| **leak).count();
    let all = evidence.leaks.len();
    let end = if evidence.knows_near_leaks { "" } else { " Near leaks are not known." };
    if leaks == 0 {
        let nearly = if evidence.knows_near_leaks { ", not even nearly" } else { "" };
        return format!("None of {all} val images also appears in train{nearly}.{end}");
    }
    format!(
        "{leaks} of {all} val images also appear in train, exactly or nearly; val loss is {:.3} with them and {:.3} without, at the same class \
         shares.{end}",
        totals.val_loss(0),
        totals.val_loss(Cause::Flattery.alone())
    )
}

fn sampling(evidence: &BillEvidence, losses: &Losses, totals: &Totals) -> String {
    let [val, probe] = evidence.standard_errors(losses);
    let error = format!("Standard error of val loss {val:.3}, of the probe's {probe:.3}.");
    if !evidence.has_more_than_probe() {
        return format!("{error} More training images than the probe were not measured, so that the item itself is 0.");
    }
    let all = evidence.train.outputs.labels.len();
    let other = match evidence.unmeasured {
        0 => "all training images".to_owned(),
        _ => format!("{all} training images"),
    };
    format!(
        "On the {} of the probe the loss is {:.3}, on {other} {:.3} at the same class shares. {error} The interval is that of val.",
        evidence.probe.len(),
        totals.train_loss(0),
        totals.train_loss(Cause::Sampling.alone())
    )
}

fn calibration(evidence: &BillEvidence, losses: &Losses) -> String {
    let Some([of_val, of_train]) = losses.temperatures else {
        return "Not measured: a half of val or of train holds no image whose label is probably right and that is no leak.".to_owned();
    };
    let of_probe = |kind: usize| {
        let losses: Vec<f64> = evidence.probe.iter().map(|&image| losses.train[kind][image]).collect();
        mean(&losses)
    };
    format!(
        "Temperatures of {:.2} and {:.2}, each fitted on one half of val and used on the other, take {:.3} from val loss; those of training images, {:.2} and {:.2}, take {:.3} from the probe's.",
        of_val[0],
        of_val[1],
        mean(&losses.val[0]) - mean(&losses.val[2]),
        of_train[0],
        of_train[1],
        of_probe(0) - of_probe(2)
    )
}

fn labels(evidence: &BillEvidence, totals: &Totals) -> String {
    let Some(wrong) = &evidence.val.wrong else {
        return "Not measured: no list of wrong labels was given (`mindgap inspect DATA --labels --json` makes one)."
            .to_owned();
    };
    let without = Cause::Labels.alone();
    format!(
        "Of val {:.0} labels are expected to be wrong, of {} training images {:.0}. Without them val loss is {:.3} in place of {:.3}, and \
         the probe's {:.3} in place of {:.3}.",
        wrong.iter().sum::<f64>(),
        evidence.train.outputs.labels.len(),
        evidence.train.wrong.iter().flatten().sum::<f64>(),
        totals.val_loss(without),
        totals.val_loss(0),
        totals.train_loss(without),
        totals.train_loss(0)
    )
}

fn class_mix(evidence: &BillEvidence, totals: &Totals) -> String {
    let (class, shift) = totals.largest_shift();
    if shift.abs() < 0.0005 {
        return "The classes have the same shares in val and in the probe.".to_owned();
    }
    let unknown = format!("class {class}");
    format!(
        "The share of {} differs most: it is {:+.1} percentage points larger in val than in the probe. With val's shares the probe's loss is \
         {:.3} in place of {:.3}.",
        evidence.class_names.get(class).unwrap_or(&unknown),
        100.0 * shift,
        totals.train_loss(Cause::ClassMix.alone()),
        totals.train_loss(0)
    )
}

fn memorisation(evidence: &BillEvidence, losses: &Losses) -> String {
    if evidence.val.views.is_empty() {
        return format!("Not measured: {}.", evidence.about_views);
    }
    format!(
        "On {} of each image ({}) the loss of {} training images rises by {:.3} and that of val by {:.3}.",
        match evidence.val.views.len() {
            1 => "one augmented view".to_owned(),
            views => format!("{views} augmented views"),
        },
        evidence.about_views,
        evidence.train.outputs.labels.len(),
        mean(&losses.train[1]) - mean(&losses.train[0]),
        mean(&losses.val[1]) - mean(&losses.val[0])
    )
}

fn generalisation(evidence: &BillEvidence) -> String {
    let rest = "What remains when all other items are taken away.";
    match &evidence.more_images {
        Some(text) => format!("{rest} {text}"),
        None => format!("{rest} `mindgap diagnose RUN --learning-curve` measures what more images would close."),
    }
}

/// The bill in one sentence: the gap, and its items from the largest on.
pub(super) fn sentence(gap: f64, error: f64, items: &[BillItem]) -> String {
    let mut known: Vec<&BillItem> = items.iter().filter(|item| item.is_measured && item.nats.abs() >= 0.0005).collect();
    known.sort_by(|a, b| b.nats.abs().total_cmp(&a.nats.abs()));
    let parts: Vec<String> = known.iter().map(|item| format!("{} {:+.3}", item.id.name(), item.nats)).collect();
    let course = if parts.is_empty() { "no item of note".to_owned() } else { parts.join(", ") };
    let reach = QUANTILE * error;
    format!("The gap of {gap:.3} nats (95 % interval {:.3} to {:.3}): {course}.", gap - reach, gap + reach)
}
