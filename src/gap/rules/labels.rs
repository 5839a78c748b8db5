//! `label-noise` and `memorised`: what single images say.
//!
//! Networks learn clean images before they learn wrong labels by heart (Arpit et al. 2017, arXiv:1706.05394), so the
//! best epoch, before memory sets in, is asked about *training* images: one that it was trained to call by its label
//! and calls confidently something else is mislabelled or strange (after Northcutt et al. 2021, arXiv:1911.00068).

use crate::{
    gap::{Case, Finding, Id, Severity},
    run::{DataSource, Outputs},
    stats::Logits,
};

/// A class other than the label has at least this probability…
const SURE: f64 = 0.5;
/// …and the label at most this share of what guessing would give it.
const DENIED: f64 = 0.5;
/// Share of such training images from which labels are doubted, and from which they are the problem.
const SOME: f64 = 0.05;
const MANY: f64 = 0.08;
/// Of the images that the network gets wrong, the share whose label is in the less likely half of all classes. Of hard
/// images the label is mostly the second choice; of wrong labels it is any.
const UNLIKELY: f64 = 0.2;
/// Probe accuracy and mean loss of a network that knows its training images by heart.
const BY_HEART: (f64, f64) = (99.0, 0.1);

pub fn find(case: &Case) -> Vec<Finding> {
    label_noise(case).into_iter().chain(memorised(case)).collect()
}

fn label_noise(case: &Case) -> Option<Finding> {
    let run = case.run.as_ref()?;
    let predictions = run.predictions.as_ref()?;
    let probe = &predictions.best_probe;
    let (denied, unlikely) =
        denied(probe, predictions.classes, case.overconfidence().map_or(1.0, |(_, temperature)| temperature));
    let share = denied.len() as f64 / probe.labels.len().max(1) as f64;
    if share < SOME || unlikely < UNLIKELY || probe.labels.len() < 20 {
        return None;
    }
    let severity = if share >= MANY { Severity::Problem } else { Severity::Warning };
    let ids: Vec<String> = denied.iter().take(5).map(|&image| probe.ids[image].to_string()).collect();
    let epoch = case.curves.best().map_or(0, |best| best.epoch);
    let finding = Finding::new(Id::LabelNoise, severity, "Labels look wrong: the network contradicts images it was trained on")
        .because(format!(
            "After epoch {epoch}, the best, {} of {} probe images ({:.1} %) are given another class with a probability of {SURE} \
             or more, their label less than half of what guessing gives it. Train's samples {} are the first of them.",
            denied.len(),
            probe.labels.len(),
            100.0 * share,
            ids.join(", ")
        ) + &copies(&run.data))
        .advise(format!(
            "Look at them: report.html shows the worst of val, mindgap inspect {} names equal images under two labels. Correct or \
             exclude what is wrong; --smoothing 0.1 and an early end of training bear what is left.",
            run.data.source
        ))
        .figure("share", share)
        .figure("images", denied.len() as f64);
    Some(finding)
}

/// Images that are confidently called by another class than their label, those of highest loss first; and the share of
/// all wrong images whose label is in the less likely half of the classes. Confidence is read at `temperature`.
fn denied(outputs: &Outputs, classes: usize, temperature: f64) -> (Vec<usize>, f64) {
    if outputs.labels.is_empty() {
        return (Vec::new(), 0.0);
    }
    let cooled: Vec<f32> = outputs.logits.iter().map(|logit| logit / temperature as f32).collect();
    let logits = Logits::new(&cooled, &outputs.labels, classes);
    let (losses, sure, right) = (logits.losses(1.0), logits.confidences(), logits.correct());
    let is_denied = |n: &usize| !right[*n] && sure[*n] >= SURE && (-losses[*n]).exp() <= DENIED / classes as f64;
    let mut denied: Vec<usize> = (0..losses.len()).filter(is_denied).collect();
    denied.sort_by(|&a, &b| losses[b].total_cmp(&losses[a]));
    // How many classes are likelier than the label.
    let rank = |(row, label): (&[f32], usize)| row.iter().filter(|logit| **logit > row[label]).count();
    let ranks: Vec<usize> = logits.rows().map(rank).filter(|rank| *rank > 0).collect();
    let low = ranks.iter().filter(|rank| 2 * **rank >= classes).count();
    (denied, low as f64 / ranks.len().max(1) as f64)
}

/// What is known of equal images in train.
fn copies(data: &DataSource) -> String {
    match (data.surplus_duplicates, data.conflicting_groups) {
        (Some(surplus), Some(conflicting)) if surplus > 0 => format!(
            " Of the {} training images {surplus} repeat others pixel for pixel, and {conflicting} groups of equal images \
             bear more than one label.",
            data.train
        ),
        _ => String::new(),
    }
}

fn memorised(case: &Case) -> Option<Finding> {
    let (val, probe) = case.images()?;
    let last = case.curves.last()?;
    let by_heart = last.train_acc >= BY_HEART.0 && last.train_loss <= BY_HEART.1;
    if !by_heart || !case.gap().is_some_and(|gap| gap.is_open()) {
        return None;
    }
    let at = |losses: &[f32], share: f64| {
        let mut sorted = losses.to_vec();
        sorted.sort_by(f32::total_cmp);
        f64::from(sorted[((sorted.len() - 1) as f64 * share) as usize])
    };
    let unsolved = val.losses.iter().filter(|loss| **loss > 2.0).count() as f64 / val.losses.len() as f64;
    let finding = Finding::new(Id::Memorised, Severity::Warning, "The training images are known by heart")
        .because(format!(
            "Nine of ten probe images have a loss below {:.3}, the median val image one of {:.3}; {:.0} % of val have more than 2 \
             nats. Training can teach this network nothing more.",
            at(&probe.losses, 0.9),
            at(&val.losses, 0.5),
            100.0 * unsolved
        ) + &case.run.as_ref().map_or(String::new(), |run| copies(&run.data)))
        .advise(super::super::advice::against_memory(case))
        .figure("probe_loss_90", at(&probe.losses, 0.9))
        .figure("val_loss_50", at(&val.losses, 0.5))
        .figure("probe_acc", last.train_acc);
    Some(finding)
}
