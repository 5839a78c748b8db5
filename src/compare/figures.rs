//! The figures of one preset over its seeds.

use serde::{Deserialize, Serialize};

use super::{FinishedRun, RunFigures};
use crate::{run::nan, stats};

/// Mean and standard deviation of a figure over n seeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeanSd {
    /// Mean; NaN, and null in JSON, where the figure of a seed is NaN.
    #[serde(deserialize_with = "nan::number")]
    pub mean: f64,
    /// Standard deviation over seeds (divisor n − 1); absent with one seed.
    #[serde(default, deserialize_with = "nan::optional", skip_serializing_if = "Option::is_none")]
    pub sd: Option<f64>,
    /// How many seeds.
    pub n: usize,
    /// The figure of each seed, in the order of the seeds.
    #[serde(deserialize_with = "nan::list")]
    pub values: Vec<f64>,
}

impl MeanSd {
    /// Summarises these values, at least one.
    pub fn of(values: Vec<f64>) -> Self {
        let sd = (values.len() > 1).then(|| stats::sample_sd(&values));
        Self { mean: stats::mean(&values), sd, n: values.len(), values }
    }
}

/// The figures of a preset: the last epoch's, unless their name or the comparison says otherwise. Losses in nats, accuracies
/// in percent. A figure that not all runs have is absent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeedFigures {
    /// Val loss: the primary figure.
    pub val_loss: MeanSd,
    /// Val accuracy.
    pub val_acc: MeanSd,
    /// Loss on the probe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe_loss: Option<MeanSd>,
    /// Accuracy on the probe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe_acc: Option<MeanSd>,
    /// Val loss − probe loss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap_loss: Option<MeanSd>,
    /// Probe accuracy − val accuracy, in percentage points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap_acc: Option<MeanSd>,
    /// What one temperature removes from val loss.
    pub overconfidence: MeanSd,
    /// The temperature that removes it: above 1 the network is overconfident.
    pub temperature: MeanSd,
    /// Expected calibration error on val, 0–1.
    pub calibration_error: MeanSd,
    /// Val loss of the best epoch, chosen on one half of val and scored on the other, both ways.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cross_fitted_best_loss: Option<MeanSd>,
    /// Val loss without the images that also appear in train; absent when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub val_loss_without_leaks: Option<MeanSd>,
    /// Val accuracy without the images that also appear in train.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub val_acc_without_leaks: Option<MeanSd>,
    /// Gap without the images that also appear in train.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap_loss_without_leaks: Option<MeanSd>,
    /// Val loss without leaks and near leaks; absent where a run has no near leak, or none is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub val_loss_without_near_leaks: Option<MeanSd>,
    /// Val accuracy without leaks and near leaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub val_acc_without_near_leaks: Option<MeanSd>,
    /// Gap without leaks and near leaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap_loss_without_near_leaks: Option<MeanSd>,
    /// Wall time of a run, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<MeanSd>,
}

impl SeedFigures {
    /// Summarises these runs, at least one.
    pub fn of(runs: &[&FinishedRun]) -> Self {
        Self {
            val_loss: over(runs, |figures| figures.val_loss),
            val_acc: over(runs, |figures| figures.val_acc),
            probe_loss: over_if_all_have(runs, |figures| figures.probe_loss),
            probe_acc: over_if_all_have(runs, |figures| figures.probe_acc),
            gap_loss: over_if_all_have(runs, |figures| figures.gap_loss),
            gap_acc: over_if_all_have(runs, |figures| figures.gap_acc),
            overconfidence: over(runs, |figures| figures.overconfidence),
            temperature: over(runs, |figures| figures.temperature),
            calibration_error: over(runs, |figures| figures.calibration_error),
            cross_fitted_best_loss: over_if_all_have(runs, |figures| figures.cross_fitted_best_loss),
            val_loss_without_leaks: over_if_all_have(runs, |figures| figures.val_loss_without_leaks),
            val_acc_without_leaks: over_if_all_have(runs, |figures| figures.val_acc_without_leaks),
            gap_loss_without_leaks: over_if_all_have(runs, |figures| figures.gap_loss_without_leaks),
            val_loss_without_near_leaks: over_if_all_have(runs, |figures| figures.val_loss_without_near_leaks),
            val_acc_without_near_leaks: over_if_all_have(runs, |figures| figures.val_acc_without_near_leaks),
            gap_loss_without_near_leaks: over_if_all_have(runs, |figures| figures.gap_loss_without_near_leaks),
            seconds: over_if_all_have(runs, |figures| figures.seconds),
        }
    }
}

fn over(runs: &[&FinishedRun], figure: impl Fn(&RunFigures) -> f64) -> MeanSd {
    MeanSd::of(runs.iter().map(|run| figure(&run.figures)).collect())
}

/// None where a run lacks the figure.
fn over_if_all_have(runs: &[&FinishedRun], figure: impl Fn(&RunFigures) -> Option<f64>) -> Option<MeanSd> {
    let values: Option<Vec<f64>> = runs.iter().map(|run| figure(&run.figures)).collect();
    values.map(MeanSd::of)
}
