//! A report that people show to others: one HTML page of one run, or of many side by side.
//!
//! The page is whole in itself: its charts are SVG, its images are inside, it fetches nothing and runs nothing. The way
//! through this room: [`Run`] reads a run folder, [`RunGroup`] holds the runs of one recipe over its seeds, `chart`,
//! `confusion` and `hardest` draw from them, and [`Report::to_html`] puts all of it on the page (`page.html`,
//! `page.css`). [`audit_page`] is the page of a data set (`audit.html`).

mod audit;
mod chart;
mod gather;
mod group;
mod hardest;
mod log;
mod page;
mod pictures;
mod provenance;
mod recipes;
mod run;
mod words;

use crate::{
    compare::{Comparison, NotFinished},
    data::Gallery,
};

pub use audit::audit_page;
pub use chart::{LR_MARK, lr_curve};
pub use group::{CurvePoint, RunGroup};
pub use log::log_page;
pub use run::{Answers, Run, State};

/// What a report is made of.
pub struct Report {
    /// The runs by recipe, the baseline first.
    pub groups: Vec<RunGroup>,
    /// What the finished runs say together; none where no run of the baseline is finished.
    pub comparison: Option<Comparison>,
    /// Runs that are missing, and why.
    pub not_finished: Vec<NotFinished>,
    /// The command that made the runs, word by word.
    pub command_line: Vec<String>,
    /// The val images, or why they cannot be shown.
    pub gallery: Result<Gallery, String>,
    /// Seconds after which an open page loads itself anew, while the run goes on.
    pub refresh: Option<u32>,
}

/// Stands in every page, so that another file is never taken for a report and overwritten.
pub const MARK: &str = "<meta name=\"generator\" content=\"mindgap\">";
