//! The figures of a model on a set of images.

use serde::Serialize;

use mindgap::{
    run::Outputs,
    stats::{self, Logits},
};

/// Figures of a set of images. Losses are plain cross-entropies in nats per image, accuracies percentages (0–100), F1
/// and calibration errors shares (0–1).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SplitFigures {
    /// Images.
    pub n: usize,
    /// Mean loss.
    pub loss: f64,
    /// Its standard error.
    pub loss_se: f64,
    /// The share of images whose likeliest class is their own.
    pub top1: f64,
    /// Wilson's 95 % interval of it.
    pub top1_interval: [f64; 2],
    /// The share of images whose class is among the five likeliest; absent up to five classes, where it says nothing.
    pub top5: Option<f64>,
    /// Mean F1 over the classes; see [`stats::Confusion::macro_f1`].
    pub macro_f1: f64,
    /// Mean recall over the classes that have images.
    pub balanced_accuracy: f64,
    /// Expected calibration error; see [`stats::calibration_error`].
    pub ece: f64,
    /// The model's temperature, where it has one.
    pub temperature: Option<f64>,
    /// The calibration error once the logits are divided by it.
    pub ece_calibrated: Option<f64>,
    /// The loss once the logits are divided by it.
    pub loss_calibrated: Option<f64>,
}

impl SplitFigures {
    /// Of `outputs` over so many `classes`.
    pub fn of(outputs: &Outputs, classes: usize, temperature: Option<f64>) -> Self {
        let logits = Logits::new(&outputs.logits, &outputs.labels, classes);
        let confusion = stats::Confusion::new(classes, &outputs.labels, &logits.predicted());
        // As a run records it: each loss in single precision.
        let measured = outputs.measured();
        let losses: Vec<f64> = measured.losses.iter().map(|&loss| f64::from(loss)).collect();
        let hits = measured.correct.iter().filter(|&&correct| correct).count();
        let scaled = temperature.map(|temperature| -> Vec<f32> {
            outputs.logits.iter().map(|&logit| (f64::from(logit) / temperature) as f32).collect()
        });
        let calibrated = scaled.as_ref().map(|scaled| Logits::new(scaled, &outputs.labels, classes));
        Self {
            n: outputs.labels.len(),
            loss: measured.mean_loss(),
            loss_se: stats::standard_error(&losses),
            top1: stats::percent(&measured.correct),
            top1_interval: stats::wilson_interval(hits, outputs.labels.len()).map(|bound| 100.0 * bound),
            top5: (classes > 5).then(|| stats::percent(&logits.in_top(5))),
            macro_f1: confusion.macro_f1(),
            balanced_accuracy: 100.0 * confusion.balanced_accuracy(),
            ece: stats::calibration_error(&logits),
            temperature,
            ece_calibrated: calibrated.as_ref().map(stats::calibration_error),
            loss_calibrated: calibrated.map(|calibrated| stats::mean(&calibrated.losses(1.0))),
        }
    }
}

/// Figures with and without the images that also appear in train.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Both {
    /// On all images.
    #[serde(flatten)]
    pub all: SplitFigures,
    /// On those that do not appear in train too; absent when none does, and when it is not known.
    pub without_leaks: Option<SplitFigures>,
}

impl Both {
    /// Of `outputs`, whose image i is also in train where `leaks[i]`, if that is known.
    pub fn of(outputs: &Outputs, classes: usize, temperature: Option<f64>, leaks: Option<&[bool]>) -> Self {
        let leaks = leaks.unwrap_or_default();
        let clean = || outputs.only(|image| !leaks[image]);
        let some_of_each = leaks.contains(&true) && leaks.contains(&false);
        Self {
            all: SplitFigures::of(outputs, classes, temperature),
            without_leaks: some_of_each.then(|| SplitFigures::of(&clean(), classes, temperature)),
        }
    }
}
