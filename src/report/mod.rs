//! A report to show to others: one HTML page of one run, or of several side by side.
//!
//! A page is one file that needs no other: its charts are SVG, its images are embedded, and it neither fetches nor executes
//! anything. In this module [`ReportedRun`] reads a run folder, [`RunGroup`] holds the runs of one recipe over its seeds, `chart`,
//! `confusion` and `hardest` draw from them, and [`Report::to_html`] puts all of it on the page (`page.html`,
//! `page.css`). [`audit_page`] is the page of a data set (`audit.html`), [`labels_page`]
//! that of its suspect labels (`labels.html`), [`close_page`] that of a search (`close.html`).

mod audit;
mod chart;
mod close;
mod confusions;
mod gather;
mod group;
mod hardest;
mod labels;
mod log;
mod models_page;
mod page;
mod provenance;
mod recipes;
mod run;
mod table;
mod words;

use crate::{
    compare::{Comparison, NotFinished},
    data::Gallery,
};

pub use audit::audit_page;
pub use chart::{LR_MARK, lr_curve};
pub use close::close_page;
pub use group::{CurvePoint, RunGroup};
pub use labels::labels_page;
pub use log::log_page;
pub use run::{Answers, ReportedRun, State};

/// The content of a report.
pub struct Report {
    /// The runs by recipe, the baseline first.
    pub groups: Vec<RunGroup>,
    /// What the finished runs say together; none where no run of the baseline is finished.
    pub comparison: Option<Comparison>,
    /// Runs that are missing, and why.
    pub not_finished: Vec<NotFinished>,
    /// The command that trained the runs, word by word.
    pub command_line: Vec<String>,
    /// The val images, or the reason why they cannot be shown.
    pub gallery: Result<Gallery, String>,
    /// Seconds after which an open page reloads itself while the run continues; None for a finished run.
    pub refresh: Option<u32>,
}

/// Marks every page, so that no other file is mistaken for a report and overwritten.
pub const MARK: &str = "<meta name=\"generator\" content=\"mindgap\">";

/// The style of all pages.
const STYLE: &str = include_str!("page.css");
