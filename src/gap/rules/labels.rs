//! `label-noise` and `memorised`: what the losses of single images show.
//!
//! Networks learn clean images before they memorise wrong labels (Arpit et al. 2017, arXiv:1706.05394). The rule therefore
//! takes the weights of the best epoch, before memorisation, and reads their predictions on *training* images. A training
//! image that is confidently predicted as another class than its label is mislabelled or unusual (after Northcutt et al.
//! 2021, arXiv:1911.00068).

use crate::{
    gap::{Case, Finding, Id, Severity, advice},
    run::{DataSource, Outputs},
    stats::Logits,
};

/// An image contradicts its label when another class has at least this probability…
const SURE: f64 = 0.5;
/// …and the label at most this share of the probability of guessing, 1 / classes.
const DENIED: f64 = 0.5;
/// Share of such training images from which labels are doubted, and from which they are a problem.
const SOME: f64 = 0.05;
const MANY: f64 = 0.08;
/// Least share of wrongly predicted images whose label is in the less likely half of all classes. The label of a hard image
/// is mostly the second most probable class; a wrong label may have any rank.
const UNLIKELY: f64 = 0.2;
/// A network that has memorised its training images has at least this accuracy on the probe \[%\]…
const MEMORISED_ACC: f64 = 99.0;
/// …and at most this loss \[nats\].
const MEMORISED_LOSS: f64 = 0.1;

pub fn label_noise(case: &Case) -> Option<Finding> {
    let run = case.run.as_ref()?;
    let predictions = run.predictions.as_ref()?;
    let probe = &predictions.best_probe;
    let temperature = case.overconfidence().map_or(1.0, |(_, temperature)| temperature);
    let (contradicted, unlikely) = contradicted(probe, predictions.classes, temperature);
    let share = contradicted.len() as f64 / probe.labels.len().max(1) as f64;
    if share < SOME || unlikely < UNLIKELY || probe.labels.len() < 20 {
        return None;
    }
    let severity = if share >= MANY { Severity::Problem } else { Severity::Warning };
    let ids: Vec<String> = contradicted.iter().take(5).map(|&image| probe.ids[image].to_string()).collect();
    let epoch = case.curves.best().map_or(0, |best| best.epoch);
    let finding = Finding::new(Id::LabelNoise, severity, "Labels look wrong: the network contradicts images it was trained on")
        .because(format!(
            "After epoch {epoch}, the best, {} of {} probe images ({:.1} %) are predicted as another class with a probability of \
             {SURE} or more, and their label with less than half of the probability of guessing. The worst are the training samples {}.",
            contradicted.len(),
            probe.labels.len(),
            100.0 * share,
            ids.join(", ")
        ) + &copies(&run.data))
        .advise(if run.recorder.is_some() {
            "Look at them: images.csv has their names. Correct or exclude what is wrong; label smoothing of 0.1 and a shorter \
             training limit the harm of the rest."
                .to_owned()
        } else {
            format!(
                "Look at them: report.html shows the worst of val, mindgap inspect {} names equal images under two labels. Correct or \
                 exclude what is wrong; --smoothing 0.1 and a shorter training limit the harm of the rest.",
                run.data.source
            )
        })
        .figures([("share", share), ("images", contradicted.len() as f64)]);
    Some(finding)
}

/// The images that are confidently predicted as another class than their label, those of highest loss first; and the share
/// of all wrongly predicted images whose label is in the less likely half of the classes. Logits are divided by
/// `temperature` first.
fn contradicted(outputs: &Outputs, classes: usize, temperature: f64) -> (Vec<usize>, f64) {
    if outputs.labels.is_empty() {
        return (Vec::new(), 0.0);
    }
    let cooled: Vec<f32> = outputs.logits.iter().map(|logit| logit / temperature as f32).collect();
    let logits = Logits::new(&cooled, &outputs.labels, classes);
    let losses = logits.losses(1.0);
    let confidences = logits.confidences();
    let correct = logits.correct();
    let mut contradicted = Vec::new();
    for image in 0..losses.len() {
        let label_probability = (-losses[image]).exp();
        if !correct[image] && confidences[image] >= SURE && label_probability <= DENIED / classes as f64 {
            contradicted.push(image);
        }
    }
    contradicted.sort_by(|&a, &b| losses[b].total_cmp(&losses[a]));
    let mut wrong = 0;
    let mut unlikely = 0;
    for (row, label) in logits.rows() {
        let likelier_classes = row.iter().filter(|logit| **logit > row[label]).count();
        wrong += usize::from(likelier_classes > 0);
        unlikely += usize::from(likelier_classes > 0 && 2 * likelier_classes >= classes);
    }
    (contradicted, unlikely as f64 / wrong.max(1) as f64)
}

/// The number of equal images in train, as a sentence to append.
fn copies(data: &DataSource) -> String {
    match (data.surplus_duplicates, data.conflicting_groups) {
        (Some(surplus), Some(conflicting)) if surplus > 0 => format!(
            " Of the {} training images {surplus} repeat others pixel for pixel, and {conflicting} groups of equal images \
             have more than one label.",
            data.train
        ),
        _ => String::new(),
    }
}

pub fn memorised(case: &Case) -> Option<Finding> {
    let (val, probe) = case.images()?;
    let last = case.curves.last()?;
    let has_memorised = last.train_acc >= MEMORISED_ACC && last.train_loss <= MEMORISED_LOSS;
    if !has_memorised || !case.gap().is_some_and(|gap| gap.is_open()) {
        return None;
    }
    let probe_loss_90 = quantile(&probe.losses, 0.9);
    let val_loss_50 = quantile(&val.losses, 0.5);
    let unsolved = val.losses.iter().filter(|loss| **loss > 2.0).count() as f64 / val.losses.len() as f64;
    let finding = Finding::new(Id::Memorised, Severity::Warning, "The training images are memorised")
        .because(format!(
            "Nine of ten probe images have a loss below {:.3}, the median val image one of {:.3}; {:.0} % of val have more than 2 \
             nats. Further training cannot lower the training loss much.",
            probe_loss_90,
            val_loss_50,
            100.0 * unsolved
        ) + &case.run.as_ref().map_or(String::new(), |run| copies(&run.data)))
        .advise(advice::against_memory(case))
        .figures([("probe_loss_90", probe_loss_90), ("val_loss_50", val_loss_50), ("probe_acc", last.train_acc)]);
    Some(finding)
}

fn quantile(losses: &[f32], share: f64) -> f64 {
    let mut sorted = losses.to_vec();
    sorted.sort_by(f32::total_cmp);
    f64::from(sorted[((sorted.len() - 1) as f64 * share) as usize])
}
