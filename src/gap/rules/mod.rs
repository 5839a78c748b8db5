//! The rules of a diagnosis, one question a file. A rule gets the case and returns a finding or none; it knows no
//! other rule.

mod calibration;
mod classes;
mod divergence;
mod fit;
mod harm;
mod labels;
mod leak;
mod measure;
mod noise;
mod opens;
mod rate;
mod schedule;
mod val_small;

use super::{Case, Finding};

/// Looks for one kind of trouble in a case.
pub type Rule = fn(&Case) -> Option<Finding>;

/// All rules.
pub const RULES: [Rule; 15] = [
    divergence::find,
    rate::find,
    leak::find,
    labels::label_noise,
    labels::memorised,
    fit::find,
    harm::find,
    calibration::find,
    schedule::plateau,
    schedule::too_early,
    classes::find,
    opens::find,
    noise::find,
    val_small::find,
    measure::find,
];
