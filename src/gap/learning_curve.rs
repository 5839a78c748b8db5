//! `more-data`: would more training images lower val loss?

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::Result;

use super::{Finding, Id, Severity, case::mean};
use crate::{
    random::{Purpose, Stream},
    run::RunFolder,
    stats::PowerLaw,
};

/// Shares of the training images that are trained on, evenly spaced in their logarithm.
pub const SHARES: [f64; 5] = [0.1, 0.18, 0.32, 0.56, 1.0];
/// Resamples of the val images for the interval.
const RESAMPLES: usize = 500;

/// Losses of a run on some of the training images.
struct SubsetLosses {
    /// Number of training images.
    images: usize,
    /// Losses of the val images after the best epoch, in the same order for all runs \[nats\].
    val: Vec<f32>,
    /// Mean loss of the probe after the best epoch \[nats\].
    probe_loss: f64,
}

/// The folder of the run on `share` of the images of the run in `folder`; for all of them that folder itself.
pub fn learning_curve_folder(folder: &Path, share: f64) -> PathBuf {
    match share {
        1.0 => folder.to_owned(),
        _ => folder.join("learning-curve").join(format!("{:.0}-percent", 100.0 * share)),
    }
}

/// What the learning curve of the run in `folder` says about more images; None where it was not trained or is not finished.
///
/// # Errors
/// A file of one of its runs is damaged.
pub fn finished_learning_curve(folder: &Path) -> Result<Option<Finding>> {
    let folders = SHARES.map(|share| learning_curve_folder(folder, share));
    if !folders.iter().all(|folder| folder.join(RunFolder::DONE).exists()) {
        return Ok(None);
    }
    let mut sizes = Vec::new();
    let mut groups = None;
    for folder in &folders {
        let run = RunFolder::open(folder)?;
        let predictions = run.predictions()?;
        // The val images are the same in all: the groups of one run are those of each.
        if groups.is_none() {
            groups = run.group_numbers(&predictions)?.map(|[val, _]| val);
        }
        sizes.push(SubsetLosses {
            images: run.environment()?.data.train,
            val: predictions.best_val.measured().losses,
            probe_loss: predictions.best_probe.measured().mean_loss(),
        });
    }
    Ok(more_data(&sizes, groups.as_deref()))
}

/// Extrapolates the losses of runs on some of the images, the whole set last, to more images. `groups` are those of the val
/// images, where they have some. None where the runs are too few, or were measured on different val images.
fn more_data(sizes: &[SubsetLosses], groups: Option<&[u32]>) -> Option<Finding> {
    let whole = sizes.last()?;
    let images = whole.val.len();
    if images == 0 || sizes.iter().any(|size| size.val.len() != images) {
        return None;
    }
    let all: Vec<usize> = (0..images).collect();
    let [twice, fourfold] = gains(sizes, &all)?;
    let mut draws = Stream::new(0, Purpose::Resample, 0, 1);
    let units = units(images, groups);
    let mut gains_twice = Vec::new();
    let mut gains_fourfold = Vec::new();
    for _ in 0..RESAMPLES {
        let drawn = (0..units.len()).map(|_| &units[draws.below(units.len() as u32) as usize]);
        let chosen: Vec<usize> = drawn.flatten().copied().collect();
        if let Some([twice, fourfold]) = gains(sizes, &chosen) {
            gains_twice.push(twice);
            gains_fourfold.push(fourfold);
        }
    }
    let [low, high] = interval(gains_twice);
    let [low4, high4] = interval(gains_fourfold);
    let val = mean(&whole.val);
    let gap = val - whole.probe_loss;
    let course: Vec<String> = sizes.iter().map(|size| format!("{:.3} with {}", mean(&size.val), size.images)).collect();
    let (title, advice) = if low > 0.25 * gap.max(0.0) && low > 0.01 * val {
        (
            "More images would help",
            "Collect images like those of val; augmentation, which substitutes for them, is worth trying too.",
        )
    } else if high < 0.1 * gap || high < 0.01 * val {
        (
            "More images alone would hardly help",
            "Regularisation, cleaner labels or another network may help more; see the other findings.",
        )
    } else {
        (
            "More images would help a little",
            "Try augmentation and the other knobs first, since they need no labelling; then collect images.",
        )
    };
    let finding = Finding::new(Id::MoreData, Severity::Info, title)
        .because(format!(
            "Val loss after the best epoch is {} training images. Extrapolated, twice as many would lower it by {twice:.3} \
             ({low:.3} to {high:.3}), four times as many by {fourfold:.3} ({low4:.3} to {high4:.3}); the gap there is {gap:.3}. \
             (95 % intervals over val images; each size was trained once, so they leave out chance between seeds.)",
            course.join(", ")
        ))
        .advise(advice)
        .figures([("gain_twice", twice), ("gain_twice_low", low), ("gain_twice_high", high)])
        .figures([("gain_fourfold", fourfold), ("gap", gap)]);
    Some(finding)
}

/// What is drawn in a resample: the images of each group, or each image by itself.
fn units(images: usize, groups: Option<&[u32]>) -> Vec<Vec<usize>> {
    let Some(groups) = groups else { return (0..images).map(|image| vec![image]).collect() };
    let mut units = BTreeMap::<u32, Vec<usize>>::new();
    for (image, &group) in groups.iter().enumerate() {
        units.entry(group).or_default().push(image);
    }
    units.into_values().collect()
}

/// By how much twice and four times as many images would lower the mean loss of the `chosen` val images \[nats\].
fn gains(sizes: &[SubsetLosses], chosen: &[usize]) -> Option<[f64; 2]> {
    let mut points = Vec::new();
    for size in sizes {
        let losses: Vec<f32> = chosen.iter().map(|&image| size.val[image]).collect();
        points.push((size.images as f64, mean(&losses)));
    }
    let law = PowerLaw::of(&points)?;
    let images = sizes.last()?.images as f64;
    let now = law.at(images);
    Some([now - law.at(2.0 * images), now - law.at(4.0 * images)])
}

/// The middle 95 % of resampled values.
fn interval(mut values: Vec<f64>) -> [f64; 2] {
    values.sort_by(f64::total_cmp);
    let cut = values.len() / 40;
    [values[cut], values[values.len() - 1 - cut]]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sizes whose losses follow a power law, with differences between images that all sizes share.
    fn sizes(floor: f64, scale: f64, probe_loss: f64) -> Vec<SubsetLosses> {
        let size = |share: f64| {
            let images = 1000.0 * share;
            let image = |n: u32| Stream::new(0, Purpose::Init, 0, n).normal() * 0.3;
            let val = (0..400).map(|n| (floor + scale * images.powf(-0.4) + image(n)) as f32).collect();
            SubsetLosses { images: images as usize, val, probe_loss }
        };
        SHARES.map(size).into()
    }

    #[test]
    fn images_help_where_the_curve_still_falls() {
        let finding = more_data(&sizes(0.3, 12.0, 0.4), None).unwrap();
        assert_eq!(finding.title, "More images would help");
        let expected = 12.0 * (1000f64.powf(-0.4) - 2000f64.powf(-0.4));
        assert!((finding.figures["gain_twice"] - expected).abs() < 0.01, "{finding:?}");
        assert!(finding.figures["gain_twice_low"] <= expected && expected <= finding.figures["gain_twice_high"] + 0.01);
    }

    #[test]
    fn images_hardly_help_where_it_is_flat() {
        assert_eq!(more_data(&sizes(1.2, 0.01, 0.2), None).unwrap().title, "More images alone would hardly help");
    }

    #[test]
    fn images_of_one_group_are_drawn_together() {
        assert_eq!(units(4, Some(&[7, 3, 7, 9])), [vec![1], vec![0, 2], vec![3]]);
        // Eight images of each group that gain alike: a few groups tell less than as many images.
        let mut sizes = sizes(0.3, 12.0, 0.4);
        for size in &mut sizes {
            let gain = |group: usize| 1.0 + 0.5 * Stream::new(0, Purpose::Init, 1, group as u32).normal();
            let slope = size.probe_loss * (size.images as f64).powf(-0.4);
            size.val.iter_mut().enumerate().for_each(|(image, loss)| *loss += (20.0 * slope * gain(image / 8)) as f32);
        }
        let groups: Vec<u32> = (0..400).map(|image| image / 8).collect();
        let width = |groups: Option<&[u32]>| {
            let figures = more_data(&sizes, groups).unwrap().figures;
            figures["gain_twice_high"] - figures["gain_twice_low"]
        };
        assert!(width(Some(&groups)) > 1.5 * width(None));
    }

    #[test]
    fn runs_on_other_val_images_say_nothing() {
        let mut sizes = sizes(1.0, 1.0, 0.5);
        sizes[0].val.pop();
        assert_eq!(more_data(&sizes, None), None);
        assert_eq!(more_data(&[], None), None);
    }
}
