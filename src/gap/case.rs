//! Everything that a diagnosis can use about a run or a log.

use std::path::Path;

use anyhow::{Context, Result};

use super::{Bill, Curves, TrainingLoss, guessing};
use crate::{
    recipe::Recipe,
    run::{DataSource, Done, Measured, Predictions, Recorder, RunFolder},
    stats::{self, Estimate, Lately, Trend},
};

/// A run or a log.
#[derive(Clone, Debug)]
pub struct Case {
    /// The run folder or log file, as the user named it.
    pub name: String,
    /// Losses over epochs.
    pub curves: Curves,
    /// Remarks on how a log was read, one sentence each.
    pub notes: Vec<String>,
    /// What only a run folder holds; None for a log.
    pub run: Option<Evidence>,
    /// The difference in val loss that is to be told \[nats\].
    pub detect: f64,
}

/// What a run folder holds beyond losses.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// The recipe; None for a recorded run.
    pub recipe: Option<Recipe>,
    /// What recorded the run, where another training loop trained it.
    pub recorder: Option<Recorder>,
    /// The data.
    pub data: DataSource,
    /// The final figures, once the run is finished.
    pub done: Option<Done>,
    /// The network's outputs on every image of val and probe.
    pub predictions: Option<Predictions>,
    /// The numbers of the groups of val's images and of the probe's, where the images have groups.
    pub groups: Option<[Vec<u32>; 2]>,
    /// Val loss without leaks and known near leaks, after the last epoch \[nats\]; None where val has neither.
    pub val_loss_without_leaks: Option<f64>,
    /// The bill of the gap, where one was made.
    pub bill: Option<Bill>,
}

impl Case {
    /// The usual difference in val loss that is to be told \[nats\].
    pub const DETECT: f64 = 0.05;

    /// Reads a run folder.
    ///
    /// # Errors
    /// It holds no run, no epoch, or a damaged file.
    pub fn of_run(path: &Path) -> Result<Self> {
        read_run(path).with_context(|| format!("the run in {} cannot be diagnosed", path.display()))
    }

    /// The gap after the last epoch that has both losses. Its error is the standard error over images or, where the log
    /// does not hold that, the gap's noise from epoch to epoch.
    pub fn gap(&self) -> Option<FinalGap> {
        let last = self.curves.last()?;
        let is_over_images = last.gap_se.is_finite();
        let error = if is_over_images { last.gap_se } else { self.noise_of(|point| point.gap())? };
        Some(FinalGap { value: last.gap(), error, is_over_images, share: last.gap() / last.val_loss.max(1e-9) })
    }

    /// Noise of a figure: standard deviation about its own trend over the last third of the epochs; None below three epochs.
    pub fn noise_of(&self, value: impl Fn(&super::LossPoint) -> f64) -> Option<f64> {
        Trend::of(&self.curves.tail(value)).map(|trend| trend.noise)
    }

    /// What val loss does lately; None below five epochs, and where it is not a number at the end.
    pub fn val_loss_lately(&self) -> Option<Lately> {
        // Where the run diverged, the trend of its last finite losses says nothing about its end.
        let has_diverged = self.curves.points.last().is_some_and(|point| point.val_loss.is_infinite());
        if has_diverged { None } else { Lately::of_loss(&self.curves.series(|point| point.val_loss)) }
    }

    /// How val accuracy changed since the epoch of lowest val loss; None where the log has no accuracies, or that epoch is
    /// among the last three.
    pub fn accuracy_since_best(&self) -> Option<AccuracyChange> {
        let best = self.curves.best()?;
        let accuracies = self.curves.series(|point| point.val_acc);
        let from = accuracies.iter().position(|(epoch, _)| *epoch == f64::from(best.epoch))?;
        if from + 3 >= accuracies.len() {
            return None;
        }
        let last_three: Vec<f64> = accuracies.iter().rev().take(3).rev().map(|(_, accuracy)| *accuracy).collect();
        Some(AccuracyChange {
            at_best: accuracies[from].1,
            now: stats::mean(&last_three),
            noise: self.noise_of(|point| point.val_acc)?,
        })
    }

    /// How far the last epoch's val losses lie above the best epoch's: the mean over images of their differences \[nats\].
    pub fn risen_over_images(&self) -> Option<Estimate> {
        let run = self.run.as_ref()?;
        let predictions = run.predictions.as_ref()?;
        let best = predictions.best_val.measured();
        let last = predictions.last_val.measured();
        if best.losses.len() != last.losses.len() || best.losses.len() < 2 {
            return None;
        }
        let mut differences = Vec::with_capacity(best.losses.len());
        for (last, best) in last.losses.iter().zip(&best.losses) {
            differences.push(f64::from(*last) - f64::from(*best));
        }
        let value = stats::mean(&differences);
        let standard_error = stats::error_of_mean(&differences, run.val_groups());
        value.is_finite().then_some(Estimate { value, standard_error })
    }

    /// Whether training loss still falls at the end, by more than half a percent of itself per epoch.
    pub fn still_falls(&self) -> bool {
        let Some(last) = self.curves.last() else { return false };
        let trend = Trend::of(&self.curves.tail(|point| point.train_loss));
        trend.is_some_and(|trend| trend.falls() && -trend.slope > 0.005 * last.train_loss)
    }

    /// The number of classes: of the run's data, given by the user with a log, or concluded from a log's figures.
    pub fn classes(&self) -> Option<usize> {
        match &self.run {
            Some(run) => Some(run.data.classes.len()),
            None => self.curves.classes.or_else(|| guessing::classes(&self.curves)),
        }
    }

    /// The loss of guessing all classes with equal probability \[nats\], where the number of classes is known.
    pub fn chance(&self) -> Option<f64> {
        self.classes().map(|classes| (classes as f64).ln())
    }

    /// Losses and hits of val and probe, image by image, after the last epoch.
    pub fn images(&self) -> Option<(Measured, Measured)> {
        let run = self.run.as_ref()?;
        let predictions = run.predictions.as_ref()?;
        let (val, probe) = (predictions.last_val.measured(), predictions.last_probe.measured());
        let are_there = !val.losses.is_empty() && !probe.losses.is_empty();
        are_there.then(|| (val.in_groups(run.val_groups()), probe.in_groups(run.probe_groups())))
    }

    /// How many nats a temperature above 1 removes from val loss, and that temperature; for a finished run.
    pub fn overconfidence(&self) -> Option<(f64, f64)> {
        let done = self.run.as_ref()?.done.as_ref()?;
        (done.temperature > 1.0 && done.overconfidence > 0.0).then_some((done.overconfidence, done.temperature))
    }

    /// The name of the training loss in a sentence.
    pub fn training(&self) -> &'static str {
        match self.curves.training {
            TrainingLoss::Probe => "probe loss",
            TrainingLoss::Running => "training loss",
        }
    }

    /// The recipe, where it is known.
    pub fn recipe(&self) -> Option<&Recipe> {
        self.run.as_ref()?.recipe.as_ref()
    }
}

impl Evidence {
    fn val_groups(&self) -> Option<&[u32]> {
        self.groups.as_ref().map(|[val, _]| &val[..])
    }

    fn probe_groups(&self) -> Option<&[u32]> {
        self.groups.as_ref().map(|[_, probe]| &probe[..])
    }
}

/// Reads a run folder as a case.
fn read_run(path: &Path) -> Result<Case> {
    let folder = RunFolder::open(path)?;
    let recipe = folder.recipe()?;
    let environment = folder.environment()?;
    let done = folder.done()?;
    let mut records = folder.epochs()?.records;
    if let Some(done) = &done {
        done.correct_last(&mut records);
    }
    let last = records.last().context("no epoch of it has ended yet")?;
    let has_predictions = folder.file(RunFolder::PREDICTIONS).exists();
    let predictions = if has_predictions { Some(folder.predictions()?) } else { None };
    let groups = match &predictions {
        Some(predictions) => folder.group_numbers(predictions)?,
        None => None,
    };
    let bill = match &done {
        Some(done) => Bill::read(&folder, done)?,
        None => None,
    };
    Ok(Case {
        name: path.display().to_string(),
        curves: Curves::of_records(&records),
        notes: Vec::new(),
        detect: Case::DETECT,
        run: Some(Evidence {
            recipe,
            recorder: environment.recorder,
            data: environment.data,
            done,
            predictions,
            groups,
            val_loss_without_leaks: last.val_loss_without_near_leaks.or(last.val_loss_without_leaks),
            bill,
        }),
    })
}

/// Val accuracy at the epoch of lowest val loss and at the end \[%\].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AccuracyChange {
    /// After the epoch of lowest val loss.
    pub at_best: f64,
    /// Mean of the last three epochs.
    pub now: f64,
    /// Standard deviation from epoch to epoch about its trend.
    pub noise: f64,
}

impl AccuracyChange {
    /// Whether accuracy rose by more than a point and more than noise explains.
    pub fn rose(&self) -> bool {
        self.now - self.at_best > (2.0 * self.noise).max(1.0)
    }

    /// Whether accuracy fell by more than a point and more than noise explains.
    pub fn fell(&self) -> bool {
        self.at_best - self.now > (2.0 * self.noise).max(1.0)
    }
}

/// The gap after the last epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FinalGap {
    /// Val loss − training loss \[nats\].
    pub value: f64,
    /// Standard error over images or, in a log that does not hold it, noise from epoch to epoch.
    pub error: f64,
    /// Whether `error` is the standard error over images.
    pub is_over_images: bool,
    /// The gap as a share of val loss.
    pub share: f64,
}

impl FinalGap {
    /// Whether the gap is above 0 by more than two errors.
    pub fn is_open(&self) -> bool {
        self.value > 2.0 * self.error && self.value > 0.0
    }
}

/// The mean of some losses \[nats\].
pub(super) fn mean(losses: &[f32]) -> f64 {
    stats::mean(&losses.iter().map(|&loss| f64::from(loss)).collect::<Vec<_>>())
}
