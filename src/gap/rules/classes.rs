//! `class-gap`: classes in which the gap is larger than in the others.

use crate::{
    gap::{Case, Evidence, Finding, Id, Severity, case::mean},
    run::{Gap, Measured, Predictions},
    stats::{Confusion, Logits},
};

/// Images that a class needs in val and in the probe to be judged.
const FEW: usize = 8;
/// Classes and pairs of classes that are named.
const NAMED: usize = 3;

/// The gap of one class.
struct ClassGap<'a> {
    name: &'a str,
    /// Number of its images in val.
    val: usize,
    gap: f64,
    /// Standard error of `gap`.
    error: f64,
    /// Share of its val images that are predicted right.
    recall: f64,
}

pub fn find(case: &Case) -> Option<Finding> {
    let gap = case.gap().filter(|gap| gap.is_open())?;
    let run = case.run.as_ref()?;
    let predictions = run.predictions.as_ref()?;
    let (val, probe) = case.images()?;
    let classes = class_gaps(run, predictions, &val, &probe);
    // The largest of many classes would be two errors above the mean by chance, so three are asked for.
    let worst: Vec<&ClassGap> = classes
        .iter()
        .filter(|class| class.gap > 1.5 * gap.value && class.gap - gap.value > 3.0 * class.error)
        .collect();
    if worst.is_empty() || classes.len() < 2 {
        return None;
    }
    let images_per_class = predictions.last_val.labels.len() as f64 / run.data.classes.len() as f64;
    let has_rare_class = worst.iter().any(|class| (class.val as f64) < 0.5 * images_per_class);
    let advice = if has_rare_class {
        "Some of them are rare: more images of them, --balanced-sampling or --class-weights balanced help where recall counts; \
         they do not lower the mean loss."
    } else {
        "Look at the images of these classes in report.html: what distinguishes them in val is missing in train."
    };
    let named = &worst[..worst.len().min(NAMED)];
    let names: Vec<&str> = named.iter().map(|class| class.name).collect();
    let mut gaps = Vec::new();
    for ClassGap { name, val, gap, error, recall } in named {
        gaps.push(format!("{name} {gap:.3} ± {error:.3} ({val} val images, recall {:.0} %)", 100.0 * recall));
    }
    let finding =
        Finding::new(Id::ClassGap, Severity::Info, format!("The gap is largest in some classes: {}", names.join(", ")))
            .because(format!(
                "Over all classes it is {:.3}; {}. {}",
                mean(&val.losses) - mean(&probe.losses),
                gaps.join("; "),
                most_confused(run, predictions)
            ))
            .advise(advice)
            .figures([("worst_gap", worst[0].gap), ("worst_recall", worst[0].recall)]);
    Some(finding)
}

/// The gap of every class that has enough images, the largest first.
fn class_gaps<'a>(run: &'a Evidence, predictions: &Predictions, val: &Measured, probe: &Measured) -> Vec<ClassGap<'a>> {
    let mut classes = Vec::new();
    for (class, name) in run.data.classes.iter().enumerate() {
        let of_class = |labels: &[i64], image: usize| labels[image] == class as i64;
        let val = val.only(|image| of_class(&predictions.last_val.labels, image));
        let probe = probe.only(|image| of_class(&predictions.last_probe.labels, image));
        if val.losses.len() < FEW || probe.losses.len() < FEW {
            continue;
        }
        let gap = Gap::between(&probe, &val);
        let hits = val.correct.iter().filter(|&&correct| correct).count();
        classes.push(ClassGap {
            name,
            val: val.losses.len(),
            gap: gap.gap_loss,
            error: gap.gap_loss_se,
            recall: hits as f64 / val.losses.len() as f64,
        });
    }
    classes.sort_by(|a, b| b.gap.total_cmp(&a.gap));
    classes
}

/// The pairs of classes that are confused most often, as a sentence.
fn most_confused(run: &Evidence, predictions: &Predictions) -> String {
    let outputs = &predictions.last_val;
    let predicted = Logits::new(&outputs.logits, &outputs.labels, predictions.classes).predicted();
    let mut list = Vec::new();
    for pair in Confusion::new(predictions.classes, &outputs.labels, &predicted).pairs(NAMED) {
        list.push(format!("{} for {} ({})", class_name(run, pair.truth), class_name(run, pair.given), pair.count));
    }
    format!("Most often confused: {}.", list.join(", "))
}

fn class_name(run: &Evidence, class: usize) -> &str {
    run.data.classes.get(class).map_or("?", String::as_str)
}
