//! A line of a log that states figures.

use super::figures::Figure;

/// A line with figures.
pub struct Line {
    /// The epoch, its own or that of a line above.
    pub(super) epoch: Option<f64>,
    /// Whether the line itself names the epoch.
    pub(super) is_own: bool,
    /// Whether it is the first line with figures since an epoch was named.
    pub(super) begins: bool,
    /// Whether it is about one batch.
    pub(super) is_of_a_batch: bool,
    /// The fold that was named last, and the run that the epoch's line names.
    pub(super) run: Option<String>,
    /// The figures that it states.
    pub(super) figures: Vec<Figure>,
}
