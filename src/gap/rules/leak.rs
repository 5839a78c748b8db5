//! `leak`: val images that also appear in train, of which a near-duplicate does, or whose group does, make every val figure look
//! better than it is.

use crate::gap::{Case, Evidence, Finding, Id, Severity};

/// Share of val from which leaks are a problem, even where they hardly change the figures.
const MUCH: f64 = 0.05;

pub fn find(case: &Case) -> Option<Finding> {
    let run = case.run.as_ref()?;
    let has_images = run.data.val_in_train + run.data.near_leaks.unwrap_or(0) > 0;
    if has_images { of_images(case, run) } else { of_groups(run) }
}

/// Images of groups, such as patients, that train also has.
fn of_groups(run: &Evidence) -> Option<Finding> {
    let leaks = run.data.group_leaks.filter(|&leaks| leaks > 0)?;
    let (leaks, val) = (leaks as f64, run.data.val as f64);
    let finding = Finding::new(Id::Leak, Severity::Warning, "Val is no test of new groups: train has some of its groups")
        .because(format!(
            "{leaks:.0} of {val:.0} val images ({:.1} %) are of groups that also have images in train.",
            100.0 * leaks / val
        ))
        .advise(
            "On images of other groups expect a higher loss. mindgap inspect names the groups; without a val folder mindgap \
             draws a val of whole groups, and --folds divides train and val into folds of whole groups.",
        )
        .figures([("group_leaks", leaks), ("share", leaks / val)]);
    Some(finding)
}

/// Images that train also has, or nearly so.
fn of_images(case: &Case, run: &Evidence) -> Option<Finding> {
    let (exact, near) = (run.data.val_in_train, run.data.near_leaks.unwrap_or(0));
    let val = run.data.val as f64;
    let percent = |count: usize| 100.0 * count as f64 / val;
    let share = percent(exact + near) / 100.0;
    let mut evidence = String::new();
    if exact > 0 {
        evidence += &format!(
            "{exact} of {val:.0} val images ({:.1} %) also appear in train, pixel for pixel. ",
            percent(exact)
        );
    }
    if near > 0 {
        evidence += &format!("{near} of {val:.0} val images ({:.1} %) have a near-duplicate in train. ", percent(near));
    }
    evidence.truncate(evidence.trim_end().len());
    let mut flattery = f64::NAN;
    if let (Some(clean), Some(last)) = (run.val_loss_without_leaks, case.curves.last()) {
        flattery = clean - last.val_loss;
        evidence += &format!(
            " Without them val loss is {clean:.3} instead of {:.3}, the gap {:.3} instead of {:.3}.",
            last.val_loss,
            clean - last.train_loss,
            last.gap()
        );
    }
    let severity = if share >= MUCH { Severity::Problem } else { Severity::Warning };
    let advice = if run.recorder.is_some() {
        "Read the figures without leaks. images.csv names these images (leak 1, near_leak 1): take them out of train, and train \
         again."
            .to_owned()
    } else {
        let source = &run.data.source;
        format!(
            "Read the figures without leaks. mindgap inspect {source} --write-exclude leaks.txt names the images; mindgap train \
             --exclude leaks.txt trains without them."
        )
    };
    let finding = Finding::new(Id::Leak, severity, "Val is not clean: the network has seen some of its images")
        .because(evidence)
        .advise(advice)
        .figures([
            ("val_in_train", exact as f64),
            ("near_leaks", near as f64),
            ("share", share),
            ("flattery", flattery),
        ]);
    Some(finding)
}
