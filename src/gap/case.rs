//! All that is known of a run when it is diagnosed.

use std::path::Path;

use anyhow::{Context, Result};

use super::{Curves, TrainingLoss, guessing};
use crate::{
    recipe::{Layers, Recipe, resolve},
    run::{DataSource, Done, Measured, Predictions, RunFolder},
    stats::{self, Estimate, Lately, Trend},
};

/// A run or a log.
#[derive(Clone, Debug)]
pub struct Case {
    /// The run folder or log file, as the user named it.
    pub name: String,
    /// Losses over epochs.
    pub curves: Curves,
    /// What is to be said about how a log was read, one sentence each.
    pub notes: Vec<String>,
    /// What only a run folder holds.
    pub run: Option<Evidence>,
}

/// What a run folder holds beyond losses.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// The recipe.
    pub recipe: Recipe,
    /// The data.
    pub data: DataSource,
    /// The final figures, once the run is finished.
    pub done: Option<Done>,
    /// What the network says of every image of val and probe.
    pub predictions: Option<Predictions>,
    /// Val loss without the images that also appear in train, after the last epoch \[nats\].
    pub val_loss_without_leaks: Option<f64>,
}

impl Case {
    /// Reads a run folder.
    ///
    /// # Errors
    /// It holds no run, no epoch, or a damaged file.
    pub fn of_run(path: &Path) -> Result<Self> {
        let read = || -> Result<Self> {
            let folder = RunFolder::open(path)?;
            let recipe = resolve(&Layers::default().file(&folder.file(RunFolder::RECIPE))?)?;
            let records = folder.epochs()?.records;
            let last = records.last().context("no epoch of it has ended yet")?;
            let predictions = folder.file(RunFolder::PREDICTIONS).exists();
            let evidence = Evidence {
                data: folder.environment()?.data,
                done: folder.done()?,
                predictions: if predictions { Some(folder.predictions()?) } else { None },
                val_loss_without_leaks: last.val_loss_without_leaks,
                recipe,
            };
            let curves = Curves::of_records(&records, evidence.recipe.epochs);
            Ok(Self { name: path.display().to_string(), curves, notes: Vec::new(), run: Some(evidence) })
        };
        read().with_context(|| format!("the run in {} cannot be diagnosed", path.display()))
    }

    /// The gap after the last epoch.
    pub fn gap(&self) -> Option<FinalGap> {
        let last = self.curves.last()?;
        let known = last.gap_se.is_finite();
        let error = if known { last.gap_se } else { self.noise_of(|point| point.gap())? };
        Some(FinalGap { value: last.gap(), error, is_over_images: known, share: last.gap() / last.val_loss.max(1e-9) })
    }

    /// How much a figure moves from epoch to epoch about its own trend, over the last third; none below three epochs.
    pub fn noise_of(&self, value: impl Fn(&super::LossPoint) -> f64) -> Option<f64> {
        Trend::of(&self.curves.tail(value)).map(|trend| trend.noise)
    }

    /// What val loss does lately; None below five epochs, and where it is no number at the end.
    pub fn val_loss_lately(&self) -> Option<Lately> {
        // A run that ended in NaN did not end with what its last numbers did.
        let has_diverged = self.curves.points.last().is_some_and(|point| point.val_loss.is_infinite());
        if has_diverged { None } else { Lately::of_loss(&self.curves.series(|point| point.val_loss)) }
    }

    /// How val accuracy changed since the epoch of lowest val loss; None where the log has none, or that epoch is among
    /// the last three.
    pub fn accuracy_since_best(&self) -> Option<AccuracyChange> {
        let best = self.curves.best()?;
        let accuracies = self.curves.series(|point| point.val_acc);
        let from = accuracies.iter().position(|(epoch, _)| *epoch == f64::from(best.epoch))?;
        if from + 3 >= accuracies.len() {
            return None;
        }
        let end: Vec<f64> = accuracies[accuracies.len() - 3..].iter().map(|(_, accuracy)| *accuracy).collect();
        Some(AccuracyChange {
            at_best: accuracies[from].1,
            now: stats::mean(&end),
            noise: self.noise_of(|point| point.val_acc)?,
        })
    }

    /// How far the last epoch's val losses lie above the best epoch's, image by image \[nats\].
    pub fn risen_over_images(&self) -> Option<Estimate> {
        let predictions = self.run.as_ref()?.predictions.as_ref()?;
        let (best, last) = (predictions.best_val.measured(), predictions.last_val.measured());
        if best.losses.len() != last.losses.len() || best.losses.len() < 2 {
            return None;
        }
        let differences: Vec<f64> =
            last.losses.iter().zip(&best.losses).map(|(last, best)| f64::from(*last) - f64::from(*best)).collect();
        let estimate =
            Estimate { value: stats::mean(&differences), standard_error: stats::standard_error(&differences) };
        estimate.value.is_finite().then_some(estimate)
    }

    /// Whether training loss still falls at the end, by more than half a percent an epoch.
    pub fn still_falls(&self) -> bool {
        let Some(last) = self.curves.last() else { return false };
        let trend = Trend::of(&self.curves.tail(|point| point.train_loss));
        trend.is_some_and(|trend| trend.falls() && -trend.slope > 0.005 * last.train_loss)
    }

    /// The number of classes: the data's, the one that was given with a log, or the one that a log's figures tell.
    pub fn classes(&self) -> Option<usize> {
        match &self.run {
            Some(run) => Some(run.data.classes.len()),
            None => self.curves.classes.or_else(|| guessing::classes(&self.curves)),
        }
    }

    /// The loss of guessing \[nats\], where the number of classes is known.
    pub fn chance(&self) -> Option<f64> {
        self.classes().map(|classes| (classes as f64).ln())
    }

    /// The losses of val and probe, image by image, after the last epoch.
    pub fn images(&self) -> Option<(Measured, Measured)> {
        let predictions = self.run.as_ref()?.predictions.as_ref()?;
        let are_there = !predictions.last_val.labels.is_empty() && !predictions.last_probe.labels.is_empty();
        are_there.then(|| (predictions.last_val.measured(), predictions.last_probe.measured()))
    }

    /// The nats that a temperature above 1 takes off val loss, and that temperature, where the run is finished.
    pub fn overconfidence(&self) -> Option<(f64, f64)> {
        let done = self.run.as_ref()?.done.as_ref()?;
        (done.temperature > 1.0 && done.overconfidence > 0.0).then_some((done.overconfidence, done.temperature))
    }

    /// What the training loss is called in a sentence.
    pub fn training(&self) -> &'static str {
        match self.curves.training {
            TrainingLoss::Probe => "probe loss",
            TrainingLoss::Running => "training loss",
        }
    }

    /// The recipe, where it is known.
    pub fn recipe(&self) -> Option<&Recipe> {
        self.run.as_ref().map(|run| &run.recipe)
    }
}

/// Val accuracy at the epoch of lowest val loss and at the end \[%\].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AccuracyChange {
    /// After the epoch of lowest val loss.
    pub at_best: f64,
    /// The mean of the last three epochs.
    pub now: f64,
    /// Its movement from epoch to epoch about its trend.
    pub noise: f64,
}

impl AccuracyChange {
    /// Whether it rose by more than a point and more than noise explains.
    pub fn rose(&self) -> bool {
        self.now - self.at_best > (2.0 * self.noise).max(1.0)
    }

    /// Whether it fell likewise.
    pub fn fell(&self) -> bool {
        self.at_best - self.now > (2.0 * self.noise).max(1.0)
    }
}

/// A gap.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FinalGap {
    /// Val loss − training loss \[nats\].
    pub value: f64,
    /// Its standard error over images or, in a log that does not hold it, its noise from epoch to epoch.
    pub error: f64,
    /// Whether `error` is the standard error over images.
    pub is_over_images: bool,
    /// As a share of val loss.
    pub share: f64,
}

impl FinalGap {
    /// Whether it is above two errors.
    pub fn is_open(&self) -> bool {
        self.value > 2.0 * self.error && self.value > 0.0
    }
}

/// The mean of some losses \[nats\].
pub(super) fn mean(losses: &[f32]) -> f64 {
    stats::mean(&losses.iter().map(|&loss| f64::from(loss)).collect::<Vec<_>>())
}
