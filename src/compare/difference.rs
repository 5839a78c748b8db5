//! How a preset differs from the baseline, on the same images and seeds.

use serde::{Deserialize, Serialize};

use super::{FinishedRun, delta::Delta};
use crate::{
    random::{Purpose, Stream},
    run::Done,
    stats::{bootstrap_interval, paired_t},
};

/// A preset against the baseline. Only val loss is tested; the other figures have intervals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Against {
    /// The seeds that both have.
    pub seeds: Vec<u64>,
    /// Val loss: the primary figure. Below 0 is better.
    pub val_loss: Delta,
    /// Val loss without the images that also appear in train.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub val_loss_without_leaks: Option<Delta>,
    /// Val accuracy, in percentage points.
    pub val_acc: Delta,
    /// Loss on the probe.
    pub probe_loss: Delta,
    /// Gap in loss.
    pub gap_loss: Delta,
    /// Gap in accuracy, in percentage points.
    pub gap_acc: Delta,
    /// Overconfidence.
    pub overconfidence: Delta,
    /// Expected calibration error.
    pub calibration_error: Delta,
}

/// A run and the baseline's run with the same seed.
type SeedPair<'a> = (&'a FinishedRun, &'a FinishedRun);

impl Against {
    /// Compares `runs` of the comparison's preset number `number` with those of the `baseline`; None without a common
    /// seed. All runs must have been measured on the same images.
    pub fn new(runs: &[&FinishedRun], baseline: &[&FinishedRun], number: u32) -> Option<Self> {
        let pairs = pairs_by_seed(runs, baseline);
        if pairs.is_empty() {
            return None;
        }
        let mut val_loss = delta(&pairs, |done| done.last.val_loss);
        val_loss.p = paired_t(&val_loss.values).map(|test| test.p);
        val_loss.ci_images = interval_over_images(&pairs, number, 0, |run, image| f64::from(run.val.losses[image]));

        let mut val_acc = delta(&pairs, |done| done.last.val_acc);
        val_acc.ci_images =
            interval_over_images(&pairs, number, 1, |run, image| if run.val.correct[image] { 100.0 } else { 0.0 });

        let has_leaks = pairs.iter().all(|(run, _)| run.done.last.val_loss_without_leaks.is_some());
        let val_loss_without_leaks =
            has_leaks.then(|| delta(&pairs, |done| done.last.val_loss_without_leaks.unwrap_or(f64::NAN)));
        Some(Self {
            seeds: pairs.iter().map(|(run, _)| run.job.seed).collect(),
            val_loss,
            val_loss_without_leaks,
            val_acc,
            probe_loss: delta(&pairs, |done| done.last.probe_loss),
            gap_loss: delta(&pairs, |done| done.last.gap_loss),
            gap_acc: delta(&pairs, |done| done.last.gap_acc),
            overconfidence: delta(&pairs, |done| done.overconfidence),
            calibration_error: delta(&pairs, |done| done.calibration_error),
        })
    }
}

/// The runs whose seed the baseline also has, in their order.
fn pairs_by_seed<'a>(runs: &[&'a FinishedRun], baseline: &[&'a FinishedRun]) -> Vec<SeedPair<'a>> {
    let mut pairs = Vec::new();
    for &run in runs {
        if let Some(&partner) = baseline.iter().find(|other| other.job.seed == run.job.seed) {
            pairs.push((run, partner));
        }
    }
    pairs
}

/// The difference in one figure, seed by seed.
fn delta(pairs: &[SeedPair], figure: impl Fn(&Done) -> f64) -> Delta {
    Delta::over_seeds(pairs.iter().map(|(run, base)| figure(&run.done) - figure(&base.done)).collect())
}

/// The interval of a mean difference over images. An image's difference is its mean over the seeds, so that the image
/// is resampled with all seeds at once. `number` and `figure` choose the random stream.
fn interval_over_images(
    pairs: &[SeedPair],
    number: u32,
    figure: u32,
    value: impl Fn(&FinishedRun, usize) -> f64,
) -> Option<[f64; 2]> {
    let images = pairs[0].0.ids.len();
    let mut differences = Vec::with_capacity(images);
    for image in 0..images {
        let sum: f64 = pairs.iter().map(|(run, base)| value(run, image) - value(base, image)).sum();
        differences.push(sum / pairs.len() as f64);
    }
    let interval = bootstrap_interval(&differences, &mut Stream::new(0, Purpose::Resample, number, figure));
    interval.iter().all(|end| end.is_finite()).then_some(interval)
}
