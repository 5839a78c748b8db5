//! How a preset differs from the baseline, on the same images and seeds.

use serde::{Deserialize, Serialize};

use super::FinishedRun;
use crate::{
    random::{Purpose, Stream},
    run::{Done, nan},
    stats::{self, bootstrap_interval, paired_t},
};

/// A figure of a preset minus the baseline's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delta {
    /// Mean of the differences over the seeds that both have.
    #[serde(deserialize_with = "nan::number")]
    pub mean: f64,
    /// The difference of each of those seeds.
    #[serde(deserialize_with = "nan::list")]
    pub values: Vec<f64>,
    /// *These models*: the 95 % interval in which the mean difference of these very networks would lie on other images. Paired,
    /// the images resampled with all seeds at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub these_models: Option<[f64; 2]>,
    /// *This recipe*: the 95 % interval in which the mean difference over other seeds would lie, from a paired t-test; from three
    /// seeds on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub this_recipe: Option<[f64; 2]>,
    /// p-value of that test; for the primary figure alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p: Option<f64>,
    /// The same after Holm's correction over all presets of the comparison.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p_holm: Option<f64>,
}

/// A preset against the baseline. Only val loss is tested; the others have intervals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Against {
    /// The seeds that both have.
    pub seeds: Vec<u64>,
    /// Val loss: the primary figure. Below 0 is better.
    pub val_loss: Delta,
    /// Val loss without the images that also stand in train.
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

/// A run and the baseline's with the same seed.
type SeedPair<'a> = (&'a FinishedRun, &'a FinishedRun);

impl Against {
    /// `runs` of a preset, number `number` of the comparison, against those of the `baseline`; None without a common
    /// seed.
    ///
    /// All runs were measured on the same images.
    pub fn new(runs: &[&FinishedRun], baseline: &[&FinishedRun], number: u32) -> Option<Self> {
        let partner = |run: &FinishedRun| baseline.iter().copied().find(|other| other.job.seed == run.job.seed);
        let pairs: Vec<SeedPair> = runs.iter().filter_map(|run| Some((*run, partner(run)?))).collect();
        if pairs.is_empty() {
            return None;
        }
        let figure = |figure: &dyn Fn(&Done) -> f64| {
            Delta::over_seeds(pairs.iter().map(|(run, base)| figure(&run.done) - figure(&base.done)).collect())
        };
        let leaks = pairs.iter().all(|(run, _)| run.done.last.val_loss_without_leaks.is_some());
        let mut val_loss = figure(&|done| done.last.val_loss);
        val_loss.p = paired_t(&val_loss.values).map(|test| test.p);
        val_loss.these_models = over_images(&pairs, number, 0, |run, image| f64::from(run.val.losses[image]));
        let mut val_acc = figure(&|done| done.last.val_acc);
        val_acc.these_models =
            over_images(&pairs, number, 1, |run, image| if run.val.correct[image] { 100.0 } else { 0.0 });
        Some(Self {
            seeds: pairs.iter().map(|(run, _)| run.job.seed).collect(),
            val_loss,
            val_loss_without_leaks: leaks.then(|| figure(&|done| done.last.val_loss_without_leaks.unwrap_or(f64::NAN))),
            val_acc,
            probe_loss: figure(&|done| done.last.probe_loss),
            gap_loss: figure(&|done| done.last.gap_loss),
            gap_acc: figure(&|done| done.last.gap_acc),
            overconfidence: figure(&|done| done.overconfidence),
            calibration_error: figure(&|done| done.calibration_error),
        })
    }
}

impl Delta {
    fn over_seeds(values: Vec<f64>) -> Self {
        let this_recipe = paired_t(&values).map(|test| test.interval);
        Self { mean: stats::mean(&values), values, these_models: None, this_recipe, p: None, p_holm: None }
    }
}

/// The interval over images: each image's difference is its mean over the seeds, so that an image is resampled with all
/// of them.
fn over_images(
    pairs: &[SeedPair],
    number: u32,
    figure: u32,
    of: impl Fn(&FinishedRun, usize) -> f64,
) -> Option<[f64; 2]> {
    let images = pairs[0].0.ids.len();
    let difference = |image: usize| {
        pairs.iter().map(|(run, base)| of(run, image) - of(base, image)).sum::<f64>() / pairs.len() as f64
    };
    let differences: Vec<f64> = (0..images).map(difference).collect();
    let interval = bootstrap_interval(&differences, &mut Stream::new(0, Purpose::Resample, number, figure));
    interval.iter().all(|end| end.is_finite()).then_some(interval)
}
