//! `artefact`: how much of a gap that others would report is the way of measuring.

use crate::gap::{Case, Finding, Id, LossPoint, Severity, TrainingLoss};

pub fn find(case: &Case) -> Vec<Finding> {
    match case.curves.training {
        TrainingLoss::Running => vec![other_scale(case).or_else(|| val_below(case)).unwrap_or_else(unknown)],
        TrainingLoss::Probe => measured(case).into_iter().collect(),
    }
}

/// What cannot be told from a log.
fn unknown() -> Finding {
    Finding::new(Id::Artefact, Severity::Info, "Part of this gap may be an artefact")
        .because(
            "The log's training loss is a running mean over each epoch's batches: augmented and mixed images, dropout on, weights \
             that still move. Val loss is measured otherwise, so their difference mixes these in, and the log cannot tell how much.",
        )
        .advise("mindgap train measures both sides alike, on a probe of training images, after every epoch.")
}

/// How many times as large as val loss a training loss is that cannot be a mean over the same kind of images.
const OTHER_SCALE: f64 = 5.0;

/// A training loss far above val loss in every epoch: a sum where val has a mean, or another quantity.
fn other_scale(case: &Case) -> Option<Finding> {
    let both = |point: &&LossPoint| point.train_loss.is_finite() && point.val_loss.is_finite();
    let points: Vec<&LossPoint> = case.curves.points.iter().filter(both).collect();
    let is_far =
        |point: &&LossPoint| point.train_loss > OTHER_SCALE * point.val_loss && point.train_loss - point.val_loss > 1.0;
    if !points.iter().all(is_far) {
        return None;
    }
    let last = points.last()?;
    let finding = Finding::new(Id::Artefact, Severity::Warning, "TrainingLoss and val loss are not on one scale")
        .because(format!(
            "After epoch {} the log's training loss is {:.3} and val loss {:.3}, and in no epoch is it less than {OTHER_SCALE} \
             times as large. Losses over the same classes do not differ so: one may be a sum over batches where the other is a mean, \
             or hold penalties.",
            last.epoch, last.train_loss, last.val_loss
        ))
        .advise(
            "Divide a sum by the number of its batches, or measure both sides by the same code; until then their difference is no \
             gap.",
        )
        .figure("train_loss", last.train_loss)
        .figure("val_loss", last.val_loss);
    Some(finding)
}

/// Val loss below training loss: mostly a matter of how a log measures.
fn val_below(case: &Case) -> Option<Finding> {
    let (last, gap) = (case.curves.last()?, case.gap()?);
    if gap.value >= 0.0 || gap.value > -2.0 * gap.error {
        return None;
    }
    let finding = Finding::new(Id::Artefact, Severity::Info, "Val looks better than training, as this log measures them")
        .because(format!(
            "After epoch {} val loss lies {:.3} nats below the log's training loss. That is a running mean over the epoch: \
             earlier weights, half an epoch behind on average; augmented or mixed images; dropout on; smoothed labels or penalties \
             in the loss. Val is measured without all that, after the epoch.",
            last.epoch, -gap.value
        ))
        .advise(
            "Measure training images as val is measured (eval mode, no augmentation, after the epoch) before reading anything into \
             it: mindgap train does so on a probe. Where val stays better even so, look for val images that also stand in train \
             (mindgap inspect) and for a val split that is easier.",
        )
        .figure("gap", gap.value);
    Some(finding)
}

fn measured(case: &Case) -> Option<Finding> {
    let last = case.curves.last().filter(|last| last.batch_loss.is_finite())?;
    let (honest, reported) = (last.gap(), last.val_loss - last.batch_loss);
    let artefact = reported - honest;
    let error = if last.gap_se.is_finite() { last.gap_se } else { 0.0 };
    if artefact.abs() < (0.05 * last.val_loss).max(2.0 * error) {
        return None;
    }
    let knobs = case.recipe().map_or(Vec::new(), |recipe| recipe.knobs_on());
    let why =
        if knobs.is_empty() { "moving weights".to_owned() } else { format!("moving weights and {}", knobs.join(", ")) };
    let finding = Finding::new(Id::Artefact, Severity::Info, "Another trainer would report another gap")
        .because(format!(
            "Against the running batch loss ({:.3}) the gap would read {reported:.3}; measured alike on both sides it is \
             {honest:.3}. The other {:.3} are an artefact of {why}.",
            last.batch_loss,
            artefact.abs()
        ))
        .advise("Compare val loss with the probe's, never with the batch loss.")
        .figure("reported_gap", reported)
        .figure("gap", honest)
        .figure("artefact", artefact);
    Some(finding)
}
