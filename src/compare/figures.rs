//! The figures of one preset over its seeds.

use serde::{Deserialize, Serialize};

use super::FinishedRun;
use crate::{
    run::{Done, nan},
    stats,
};

/// A figure over n seeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeanSd {
    /// Mean; NaN, and null in JSON, where a value is none.
    #[serde(deserialize_with = "nan::number")]
    pub mean: f64,
    /// Standard deviation over seeds (divisor n − 1); absent with one seed.
    #[serde(default, deserialize_with = "nan::optional", skip_serializing_if = "Option::is_none")]
    pub sd: Option<f64>,
    /// How many seeds.
    pub n: usize,
    /// The figure of each seed, in their order.
    #[serde(deserialize_with = "nan::list")]
    pub values: Vec<f64>,
}

impl MeanSd {
    /// Of these values, at least one.
    pub fn of(values: Vec<f64>) -> Self {
        let sd = (values.len() > 1).then(|| stats::sample_sd(&values));
        Self { mean: stats::mean(&values), sd, n: values.len(), values }
    }
}

/// The figures of a preset: the last epoch's, unless their name says otherwise. Losses in nats, accuracies in percent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeedFigures {
    /// Val loss: the primary figure.
    pub val_loss: MeanSd,
    /// Val accuracy.
    pub val_acc: MeanSd,
    /// Loss on the probe.
    pub probe_loss: MeanSd,
    /// Accuracy on the probe.
    pub probe_acc: MeanSd,
    /// Val loss − probe loss.
    pub gap_loss: MeanSd,
    /// Probe accuracy − val accuracy, in percentage points.
    pub gap_acc: MeanSd,
    /// What one temperature removes from val loss.
    pub overconfidence: MeanSd,
    /// That temperature.
    pub temperature: MeanSd,
    /// Expected calibration error on val, 0–1.
    pub calibration_error: MeanSd,
    /// Val loss of the best epoch, chosen on one half of val and scored on the other, both ways.
    pub cross_fitted_best_loss: MeanSd,
    /// Val loss without the images that also stand in train; absent when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub val_loss_without_leaks: Option<MeanSd>,
    /// Val accuracy without them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub val_acc_without_leaks: Option<MeanSd>,
    /// Gap without them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap_loss_without_leaks: Option<MeanSd>,
    /// Wall time of a run, in seconds.
    pub seconds: MeanSd,
}

impl SeedFigures {
    /// Of these runs, at least one.
    pub fn of(runs: &[&FinishedRun]) -> Self {
        let over = |figure: &dyn Fn(&Done) -> f64| MeanSd::of(runs.iter().map(|run| figure(&run.done)).collect());
        let where_there = |figure: &dyn Fn(&Done) -> Option<f64>| {
            let values: Option<Vec<f64>> = runs.iter().map(|run| figure(&run.done)).collect();
            values.map(MeanSd::of)
        };
        Self {
            val_loss: over(&|done| done.last.val_loss),
            val_acc: over(&|done| done.last.val_acc),
            probe_loss: over(&|done| done.last.probe_loss),
            probe_acc: over(&|done| done.last.probe_acc),
            gap_loss: over(&|done| done.last.gap_loss),
            gap_acc: over(&|done| done.last.gap_acc),
            overconfidence: over(&|done| done.overconfidence),
            temperature: over(&|done| done.temperature),
            calibration_error: over(&|done| done.calibration_error),
            cross_fitted_best_loss: over(&|done| done.cross_fitted_best_loss),
            val_loss_without_leaks: where_there(&|done| done.last.val_loss_without_leaks),
            val_acc_without_leaks: where_there(&|done| done.last.val_acc_without_leaks),
            gap_loss_without_leaks: where_there(&|done| done.last.gap_loss_without_leaks),
            seconds: over(&|done| done.cost.seconds),
        }
    }
}
