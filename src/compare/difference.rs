//! How a preset differs from the baseline, on the same images and seeds.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{AccuracyTest, FinishedRun, RunFigures, delta::Delta};
use crate::{
    random::{Purpose, Stream},
    stats::{McNemar, bootstrap_interval, clustered_interval},
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
    /// Val loss without leaks and near leaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub val_loss_without_near_leaks: Option<Delta>,
    /// Val accuracy, in percentage points.
    pub val_acc: Delta,
    /// Loss on the probe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe_loss: Option<Delta>,
    /// Gap in loss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap_loss: Option<Delta>,
    /// Gap in accuracy, in percentage points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap_acc: Option<Delta>,
    /// Accuracy image by image, seed by seed; for models that this comparison did not train.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mcnemar: Vec<AccuracyTest>,
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
        let mut val_loss = tested_delta(&pairs, &|figures| Some(figures.val_loss))?;
        val_loss.ci_images = interval_over_images(&pairs, number, 0, |run, image| f64::from(run.val.losses[image]));

        let mut val_acc = delta(&pairs, |figures| figures.val_acc);
        val_acc.ci_images =
            interval_over_images(&pairs, number, 1, |run, image| if run.val.correct[image] { 100.0 } else { 0.0 });

        Some(Self {
            seeds: pairs.iter().map(|(run, _)| run.job.seed).collect(),
            val_loss,
            val_loss_without_leaks: delta_if_all_have(&pairs, |figures| figures.val_loss_without_leaks),
            val_loss_without_near_leaks: delta_if_all_have(&pairs, |figures| figures.val_loss_without_near_leaks),
            val_acc,
            probe_loss: delta_if_all_have(&pairs, |figures| figures.probe_loss),
            gap_loss: delta_if_all_have(&pairs, |figures| figures.gap_loss),
            gap_acc: delta_if_all_have(&pairs, |figures| figures.gap_acc),
            mcnemar: mcnemar(&pairs),
            overconfidence: delta(&pairs, |figures| figures.overconfidence),
            calibration_error: delta(&pairs, |figures| figures.calibration_error),
        })
    }
}

/// The runs whose seed the baseline also has, in their order; of models that a place names, also one against one.
fn pairs_by_seed<'a>(runs: &[&'a FinishedRun], baseline: &[&'a FinishedRun]) -> Vec<SeedPair<'a>> {
    let mut pairs = Vec::new();
    for &run in runs {
        if let Some(&partner) = baseline.iter().find(|other| other.job.seed == run.job.seed) {
            pairs.push((run, partner));
        }
    }
    // One model against one: the user named both, so that they are compared whatever their seeds.
    if let ([run], [partner]) = (runs, baseline)
        && run.place.is_some()
        && pairs.is_empty()
    {
        pairs.push((run, partner));
    }
    pairs
}

/// The difference in one figure, seed by seed.
fn delta(pairs: &[SeedPair], figure: impl Fn(&RunFigures) -> f64) -> Delta {
    delta_if_all_have(pairs, |figures| Some(figure(figures))).expect("every run has this figure")
}

/// The difference in one figure, seed by seed; None where a run lacks the figure.
fn delta_if_all_have(pairs: &[SeedPair], figure: impl Fn(&RunFigures) -> Option<f64>) -> Option<Delta> {
    tested_delta(pairs, &figure).map(Delta::untested)
}

/// The difference in one figure with its p-value, seed by seed or, of a cross-validation, fold by fold of each seed.
fn tested_delta(pairs: &[SeedPair], figure: &dyn Fn(&RunFigures) -> Option<f64>) -> Option<Delta> {
    let folds = pairs[0].0.folds.len();
    let mut differences = Vec::new();
    for (run, base) in pairs {
        if folds == 0 {
            differences.push(figure(&run.figures)? - figure(&base.figures)?);
        }
        for (fold, base) in run.folds.iter().zip(&base.folds) {
            differences.push(figure(fold)? - figure(base)?);
        }
    }
    Some(if folds == 0 { Delta::over_seeds(differences) } else { Delta::over_folds(differences, folds) })
}

/// The tests of accuracy of models that are named by a place; the runs of a plan, whose primary figure is tested alone, have
/// none. The corrected p-values are those of one test.
fn mcnemar(pairs: &[SeedPair]) -> Vec<AccuracyTest> {
    let mut tests = Vec::new();
    for (run, base) in pairs.iter().filter(|(run, _)| run.place.is_some()) {
        let McNemar { first_only, second_only, p } = McNemar::test(&run.val.correct, &base.val.correct);
        let (right_here_only, right_in_baseline_only) = (first_only, second_only);
        tests.push(AccuracyTest { seed: run.job.seed, right_here_only, right_in_baseline_only, p, p_holm: p });
    }
    tests
}

/// The interval of a mean difference over images. An image's difference is its mean over the seeds, so that the image
/// is resampled with all seeds at once; where the images have groups, whole groups are resampled. `number` and `figure`
/// choose the random stream.
fn interval_over_images(
    pairs: &[SeedPair],
    number: u32,
    figure: u32,
    value: impl Fn(&FinishedRun, usize) -> f64,
) -> Option<[f64; 2]> {
    let images = pairs[0].0.val.losses.len();
    let mut differences = Vec::with_capacity(images);
    for image in 0..images {
        let sum: f64 = pairs.iter().map(|(run, base)| value(run, image) - value(base, image)).sum();
        differences.push(sum / pairs.len() as f64);
    }
    let mut draws = Stream::new(0, Purpose::Resample, number, figure);
    let interval = match groups(pairs) {
        Some(groups) => clustered_interval(&differences, &groups, &mut draws),
        None => bootstrap_interval(&differences, &mut draws),
    };
    interval.iter().all(|end| end.is_finite()).then_some(interval)
}

/// The number of the group of each image, where a run knows the groups.
fn groups(pairs: &[SeedPair]) -> Option<Vec<u32>> {
    let names = pairs.iter().flat_map(|(run, base)| [run, base]).find_map(|run| run.images.groups.as_ref())?;
    let mut numbers: HashMap<&String, u32> = HashMap::new();
    let number = |name| {
        let next = numbers.len() as u32;
        *numbers.entry(name).or_insert(next)
    };
    Some(names.iter().map(number).collect())
}
