//! The rules of a diagnosis, one question a file. A rule gets the case and returns findings or none; it knows no other
//! rule.

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
pub type Rule = fn(&Case) -> Vec<Finding>;

/// All rules.
pub const RULES: [Rule; 13] = [
    divergence::find,
    rate::find,
    leak::find,
    labels::find,
    fit::find,
    harm::find,
    calibration::find,
    schedule::find,
    classes::find,
    opens::find,
    noise::find,
    val_small::find,
    measure::find,
];
