//! `artefact`: how much of a gap comes from measuring training and val loss differently.

use crate::gap::{Case, Finding, Id, Severity, TrainingLoss};

pub fn find(case: &Case) -> Option<Finding> {
    match case.curves.training {
        TrainingLoss::Running => Some(other_scale(case).or_else(|| val_below(case)).unwrap_or_else(unknown)),
        TrainingLoss::Probe => measured(case),
    }
}

/// Says that a log's gap may be an artefact in part.
fn unknown() -> Finding {
    Finding::new(Id::Artefact, Severity::Info, "Part of this gap may be an artefact")
        .because(
            "The log's training loss is a running mean over each epoch's batches: augmented and mixed images, dropout on, weights \
             that still move. Val loss is measured without these, so they are part of the difference; the log does not show how much.",
        )
        .advise("mindgap train measures val and a probe of training images by the same code after every epoch.")
}

/// A training loss this many times as large as val loss cannot be a mean over the same kind of images.
const OTHER_SCALE: f64 = 5.0;

/// Reports a training loss far above val loss in every epoch: it is a sum where val has a mean, or another quantity.
fn other_scale(case: &Case) -> Option<Finding> {
    let last = case.curves.last()?;
    for point in &case.curves.points {
        let is_known = point.train_loss.is_finite() && point.val_loss.is_finite();
        let is_far = point.train_loss > OTHER_SCALE * point.val_loss && point.train_loss - point.val_loss > 1.0;
        if is_known && !is_far {
            return None;
        }
    }
    let finding = Finding::new(Id::Artefact, Severity::Warning, "Training and val loss are not on one scale")
        .because(format!(
            "After epoch {} the log's training loss is {:.3} and val loss {:.3}, and in no epoch is it less than {OTHER_SCALE} \
             times as large. Losses over the same classes do not differ so: one may be a sum over batches where the other is a mean, \
             or hold penalties.",
            last.epoch, last.train_loss, last.val_loss
        ))
        .advise(
            "Divide a sum by the number of its batches, or measure training and val loss by the same code; until then their difference is not a \
             gap.",
        )
        .figures([("train_loss", last.train_loss), ("val_loss", last.val_loss)]);
    Some(finding)
}

/// Reports a val loss below training loss, which mostly comes from how a log measures.
fn val_below(case: &Case) -> Option<Finding> {
    let (last, gap) = (case.curves.last()?, case.gap()?);
    if gap.value >= 0.0 || gap.value > -2.0 * gap.error {
        return None;
    }
    let finding = Finding::new(Id::Artefact, Severity::Info, "Val looks better than training, as this log measures them")
        .because(format!(
            "After epoch {} val loss lies {:.3} nats below the log's training loss. The training loss is a running mean over the epoch: \
             weights half an epoch old on average; augmented or mixed images; dropout on; smoothed labels or penalties \
             in the loss. Val is measured without all that, after the epoch.",
            last.epoch, -gap.value
        ))
        .advise(
            "Measure training images as val is measured (eval mode, no augmentation, after the epoch) before reading anything into \
             it: mindgap train does so on a probe. Where val stays better even so, look for val images that also appear in train \
             (mindgap inspect) and for a val split that is easier.",
        )
        .figures([("gap", gap.value)]);
    Some(finding)
}

/// Reports how far a gap from the running batch loss would be off.
fn measured(case: &Case) -> Option<Finding> {
    let last = case.curves.last().filter(|last| last.batch_loss.is_finite())?;
    let honest = last.gap();
    let reported = last.val_loss - last.batch_loss;
    let artefact = reported - honest;
    let error = if last.gap_se.is_finite() { last.gap_se } else { 0.0 };
    if artefact.abs() < (0.05 * last.val_loss).max(2.0 * error) {
        return None;
    }
    let why = match case.recipe().map(|recipe| recipe.knobs_on()) {
        Some(knobs) if knobs.is_empty() => "moving weights".to_owned(),
        Some(knobs) => format!("moving weights and {}", knobs.join(", ")),
        None => "moving weights and of the augmentation and regularisation, if any were on".to_owned(),
    };
    let finding = Finding::new(Id::Artefact, Severity::Info, "Another trainer would report another gap")
        .because(format!(
            "Against the running batch loss ({:.3}) the gap would be {reported:.3}; measured by the same code it is \
             {honest:.3}. The remaining {:.3} are an artefact of {why}.",
            last.batch_loss,
            artefact.abs()
        ))
        .advise("Compare val loss with the probe's, never with the batch loss.")
        .figures([("reported_gap", reported), ("gap", honest), ("artefact", artefact)]);
    Some(finding)
}
