//! The figures of a model on a set of images.

use serde::Serialize;

use mindgap::{
    run::{Outputs, leaks_of_both_kinds},
    stats::{self, Logits},
};

/// Figures of a set of images. Losses are plain cross-entropies in nats per image, accuracies percentages (0–100), F1
/// and calibration errors shares (0–1).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SplitFigures {
    pub n: usize,
    pub loss: f64,
    /// Standard error of the mean loss, clustered by group where the images have groups.
    pub loss_se: f64,
    /// The share of images whose most probable class is their label.
    pub top1: f64,
    /// Wilson's 95 % interval of `top1`, for independent images: too narrow where they have groups.
    pub top1_interval: [f64; 2],
    /// The share of images whose label is among the five most probable classes; absent up to five classes, where it is
    /// always 100 %.
    pub top5: Option<f64>,
    /// Mean F1 over the classes; see [`stats::Confusion::macro_f1`].
    pub macro_f1: f64,
    /// Mean recall over the classes that have images.
    pub balanced_accuracy: f64,
    /// Expected calibration error; see [`stats::calibration_error`].
    pub ece: f64,
    /// The model's temperature, where it has one.
    pub temperature: Option<f64>,
    /// Expected calibration error after the logits are divided by the temperature.
    pub ece_calibrated: Option<f64>,
    /// Mean loss after the logits are divided by the temperature.
    pub loss_calibrated: Option<f64>,
}

impl SplitFigures {
    /// Measures `outputs` over this number of `classes`; `groups` are the groups of the images, where they have groups.
    pub fn of(outputs: &Outputs, classes: usize, temperature: Option<f64>, groups: Option<&[u32]>) -> Self {
        let logits = Logits::new(&outputs.logits, &outputs.labels, classes);
        let confusion = stats::Confusion::new(classes, &outputs.labels, &logits.predicted());
        // Losses are rounded to single precision first, so that the figures equal those that a run records.
        let measured = outputs.measured().in_groups(groups);
        let hits = measured.correct.iter().filter(|&&correct| correct).count();
        let scaled = temperature.map(|temperature| -> Vec<f32> {
            outputs.logits.iter().map(|&logit| (f64::from(logit) / temperature) as f32).collect()
        });
        let calibrated = scaled.as_ref().map(|scaled| Logits::new(scaled, &outputs.labels, classes));
        Self {
            n: outputs.labels.len(),
            loss: measured.mean_loss(),
            loss_se: measured.loss_error(),
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
    /// Figures of all images.
    #[serde(flatten)]
    pub all: SplitFigures,
    /// Figures of the images that do not appear in train; absent when none or all appear there, and when it is not known.
    pub without_leaks: Option<SplitFigures>,
    /// Figures of the images that are neither leaks nor near leaks; absent when there is no near leak, none is known, or no
    /// image is left.
    pub without_near_leaks: Option<SplitFigures>,
}

impl Both {
    /// Measures `outputs`, of which these images are `leaks`, if that is known. `groups[i]` is the group of image i, where the
    /// images have groups.
    pub fn of(
        outputs: &Outputs,
        classes: usize,
        temperature: Option<f64>,
        leaks: Option<&KnownLeaks>,
        groups: Option<&[u32]>,
    ) -> Self {
        let all = SplitFigures::of(outputs, classes, temperature, groups);
        let without = |leaks: &[bool]| {
            if !(leaks.contains(&true) && leaks.contains(&false)) {
                return None;
            }
            let clean = outputs.only(|image| !leaks[image]);
            let clean_groups = groups.map(|groups| {
                let clean = groups.iter().zip(leaks).filter(|&(_, leak)| !leak);
                clean.map(|(&group, _)| group).collect::<Vec<u32>>()
            });
            Some(SplitFigures::of(&clean, classes, temperature, clean_groups.as_deref()))
        };
        let both_kinds = leaks.and_then(|leaks| leaks_of_both_kinds(&leaks.exact, leaks.near.as_deref()));
        Self {
            all,
            without_leaks: leaks.and_then(|leaks| without(&leaks.exact)),
            without_near_leaks: both_kinds.and_then(|leaks| without(&leaks)),
        }
    }
}

/// Which images of a split also appear in train, or why that is not known.
pub type Leaks = Result<KnownLeaks, &'static str>;

/// Which images of a split also appear in train, exactly or nearly.
#[derive(Clone, Debug)]
pub struct KnownLeaks {
    /// For each image, whether it also appears in train.
    pub exact: Vec<bool>,
    /// For each image, whether a near-duplicate, but no equal image, is in train; None where that is not known.
    pub near: Option<Vec<bool>>,
}
