//! Statistics on plain numbers: means, their errors and intervals, tests, losses from logits, confusion of classes,
//! calibration, cross-fitting, the optimism of the best of several models, the curve of a learning-rate range test.
//!
//! Everything is computed in f64. No number is silently left out: a NaN in the input makes the result NaN, except for
//! [`lowest`], since a NaN is never the lowest value.

mod best_of;
mod bootstrap;
mod calibration;
mod clusters;
mod confusion;
mod course;
mod cross_fit;
#[cfg(test)]
mod golden;
mod hinges;
mod holm;
mod hypotenuse;
mod label_errors;
mod logits;
mod lr_curve;
mod lr_suggestion;
mod mcnemar;
mod means;
mod onset;
mod paired;
mod piecewise;
mod power;
mod power_law;
mod sequential;
mod share;
mod spikes;
mod student;
mod text;
mod trend;

pub use best_of::{BestOf, best_of};
pub use bootstrap::{bootstrap_interval, resample_counts};
pub use calibration::{Overconfidence, calibration_error, fit_temperature};
pub use clusters::{clustered_error, clustered_interval, error_of_mean};
pub use confusion::{ClassScore, ConfusedPair, Confusion};
pub use course::{Course, Lately};
pub use cross_fit::{cross_fit, lowest};
pub use holm::holm;
pub use hypotenuse::hypotenuse;
pub use label_errors::{Cut, LabelErrors, best_cut};
pub use logits::{Logits, softmax};
pub use lr_curve::{LrCurve, rate_text};
pub use lr_suggestion::{LrSuggestion, NoSuggestion};
pub use mcnemar::McNemar;
pub use means::{Estimate, mean, percent, sample_sd, standard_error};
pub use onset::Onset;
pub use paired::{PairedT, corrected_t, equivalence_p, paired_t};
pub use power::{LEAST_PAIRS, pairs_needed, sd_interval};
pub use power_law::PowerLaw;
pub use sequential::{SequentialT, sequential_p_of_margin, sequential_pairs_needed};
pub use share::{wilson_bounds, wilson_interval};
pub use student::student_quantile;
pub use text::counted;
pub use trend::Trend;
