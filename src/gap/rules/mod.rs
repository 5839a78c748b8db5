//! What can be found, a question a file. A rule sees the case and finds something or nothing; it knows no other rule.

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

use super::{Case, Finding};

/// A rule.
pub type Rule = fn(&Case) -> Vec<Finding>;

/// All of them.
pub const RULES: [Rule; 12] = [
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
    measure::find,
];
