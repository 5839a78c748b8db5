//! `class-gap`: where the gap sits.

use crate::{
    gap::{Case, Finding, Id, Severity, case::mean},
    stats,
};

/// Images that a class needs in val and probe to be judged.
const FEW: usize = 8;

/// One class's share in the gap.
struct Part {
    class: usize,
    val: usize,
    gap: f64,
    error: f64,
    recall: f64,
}

pub fn find(case: &Case) -> Vec<Finding> {
    judge(case).into_iter().collect()
}

fn judge(case: &Case) -> Option<Finding> {
    let gap = case.gap().filter(super::super::FinalGap::is_open)?;
    let run = case.run.as_ref()?;
    let predictions = run.predictions.as_ref()?;
    let (val, probe) = case.images()?;
    let names = &run.data.classes;
    let of = |class: usize, labels: &[i64], losses: &[f32]| -> Vec<f32> {
        labels.iter().zip(losses).filter(|(label, _)| **label == class as i64).map(|(_, loss)| *loss).collect()
    };
    let part = |class: usize| {
        let v = of(class, &predictions.last_val.labels, &val.losses);
        let p = of(class, &predictions.last_probe.labels, &probe.losses);
        let wide = |losses: &[f32]| losses.iter().map(|&loss| f64::from(loss)).collect::<Vec<_>>();
        let difference = stats::difference_of_means(&wide(&v), &wide(&p));
        let right = predictions.last_val.labels.iter().zip(&val.correct).filter(|(label, _)| **label == class as i64);
        let recall = right.filter(|(_, correct)| **correct).count() as f64 / v.len().max(1) as f64;
        let enough = v.len() >= FEW && p.len() >= FEW;
        enough.then_some(Part { class, val: v.len(), gap: difference.value, error: difference.standard_error, recall })
    };
    let mut parts: Vec<Part> = (0..names.len()).filter_map(part).collect();
    parts.sort_by(|a, b| b.gap.total_cmp(&a.gap));
    // The largest of so many would stand out by chance at two errors.
    let stands_out = |part: &&Part| part.gap > 1.5 * gap.value && part.gap - gap.value > 3.0 * part.error;
    let worst: Vec<&Part> = parts.iter().filter(stands_out).collect();
    if worst.is_empty() || parts.len() < 2 {
        return None;
    }
    let list = |part: &&Part| {
        format!(
            "{} {:.3} ± {:.3} ({} val images, recall {:.0} %)",
            names[part.class],
            part.gap,
            part.error,
            part.val,
            100.0 * part.recall
        )
    };
    let title: Vec<&str> = worst.iter().take(3).map(|part| names[part.class].as_str()).collect();
    let typical = predictions.last_val.labels.len() as f64 / names.len() as f64;
    let rare = worst.iter().any(|part| (part.val as f64) < 0.5 * typical);
    let advice = if rare {
        "Rare classes among them: more images of them, --balanced-sampling or --class-weights balanced help where recall counts; \
         they do not lower the mean loss."
    } else {
        "Look at these classes' images in report.html: what sets them apart in val is not in train."
    };
    let finding =
        Finding::new(Id::ClassGap, Severity::Info, format!("The gap sits in some classes: {}", title.join(", ")))
            .because(format!(
                "Over all classes it is {:.3}; {}. {}",
                mean(&val.losses) - mean(&probe.losses),
                worst.iter().take(3).map(list).collect::<Vec<_>>().join("; "),
                confused(case)
            ))
            .advise(advice)
            .figure("worst_gap", worst[0].gap)
            .figure("worst_recall", worst[0].recall);
    Some(finding)
}

/// The classes that are confused most often.
fn confused(case: &Case) -> String {
    let Some(run) = &case.run else { return String::new() };
    let Some(predictions) = &run.predictions else { return String::new() };
    let outputs = &predictions.last_val;
    let logits = stats::Logits::new(&outputs.logits, &outputs.labels, predictions.classes);
    let mut counts = std::collections::BTreeMap::new();
    for (&truth, given) in outputs.labels.iter().zip(logits.predicted()) {
        if let Some(given) = given.filter(|given| *given as i64 != truth) {
            *counts.entry((truth as usize, given)).or_insert(0) += 1;
        }
    }
    let mut pairs: Vec<_> = counts.into_iter().collect();
    pairs.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let name = |class: usize| run.data.classes.get(class).map_or("?", String::as_str);
    let list: Vec<String> = pairs
        .iter()
        .take(3)
        .map(|((truth, given), count)| format!("{} for {} ({count})", name(*truth), name(*given)))
        .collect();
    format!("Most often confused: {}.", list.join(", "))
}
