//! The figures of one preset over its seeds.

use serde::{Deserialize, Serialize};

use super::FinishedRun;
use crate::{
    run::{Done, nan},
    stats,
};

/// A figure over n seeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
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

impl Spread {
    /// Of these values, at least one.
    pub fn of(values: Vec<f64>) -> Self {
        let sd = (values.len() > 1).then(|| stats::sample_sd(&values));
        Self { mean: stats::mean(&values), sd, n: values.len(), values }
    }
}

/// The figures of a preset: the last epoch's, unless their name says otherwise. Losses in nats, accuracies in percent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Val loss: the primary figure.
    pub val_loss: Spread,
    /// Val accuracy.
    pub val_acc: Spread,
    /// Loss on the probe.
    pub probe_loss: Spread,
    /// Accuracy on the probe.
    pub probe_acc: Spread,
    /// Val loss − probe loss.
    pub gap_loss: Spread,
    /// Probe accuracy − val accuracy, in percentage points.
    pub gap_acc: Spread,
    /// What one temperature removes from val loss.
    pub overconfidence: Spread,
    /// That temperature.
    pub temperature: Spread,
    /// Expected calibration error on val, 0–1.
    pub calibration_error: Spread,
    /// Val loss of the best epoch, chosen on one half of val and scored on the other, both ways.
    pub cross_fitted_best_loss: Spread,
    /// Val loss without the images that also stand in train; absent when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub val_loss_without_leaks: Option<Spread>,
    /// Val accuracy without them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub val_acc_without_leaks: Option<Spread>,
    /// Gap without them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap_loss_without_leaks: Option<Spread>,
    /// Wall time of a run, in seconds.
    pub seconds: Spread,
}

impl Figures {
    /// Of these runs, at least one.
    pub fn of(runs: &[&FinishedRun]) -> Self {
        let over = |figure: &dyn Fn(&Done) -> f64| Spread::of(runs.iter().map(|run| figure(&run.done)).collect());
        let where_there = |figure: &dyn Fn(&Done) -> Option<f64>| {
            let values: Option<Vec<f64>> = runs.iter().map(|run| figure(&run.done)).collect();
            values.map(Spread::of)
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
