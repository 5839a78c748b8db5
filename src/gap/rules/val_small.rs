//! `val-small`: whether val has enough images to tell the difference asked for.

use crate::gap::{Case, Finding, Id, Severity};

pub fn find(case: &Case) -> Option<Finding> {
    let (val, _) = case.images()?;
    let is_of_folds = case.recipe().is_some_and(|recipe| recipe.folds.is_some());
    let (n, error) = (val.losses.len(), val.loss_error());
    // A run on one fold is part of a cross-validation already. An error that is not a number says nothing.
    if is_of_folds || error.is_nan() || error <= case.detect {
        return None;
    }
    // The error falls with the root of the number of images, and of their groups.
    let wanted = (n as f64 * (error / case.detect).powi(2)).ceil();
    let alike = if val.groups.is_some() { " and come in groups as these do" } else { "" };
    let advice = match case.recipe() {
        Some(_) => "Validate each image once: mindgap compare --folds 5 with the presets to be compared, or mindgap train --folds 5 \
                    --fold 0 to 4. The figures of all folds together are those of all images of train and val."
            .to_owned(),
        None => format!("Validate each image once, by cross-validation, or hold back some {wanted} images."),
    };
    let finding = Finding::new(Id::ValSmall, Severity::Info, format!("Val is small: {n} images"))
        .because(format!(
            "The standard error of its loss is {error:.3} nats, and a difference of {:.3} is to be told: that takes some {wanted} \
             images with losses that vary as these do{alike}.",
            case.detect
        ))
        .advise(advice)
        .figures([("images", n as f64), ("standard_error", error), ("detect", case.detect), ("images_wanted", wanted)]);
    Some(finding)
}
