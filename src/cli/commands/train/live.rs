//! The live report: the run's page is written again after every epoch, and reloads itself in a browser.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::cli::output::say::say;
use mindgap::{
    data::Gallery,
    durable,
    report::{Report, ReportedRun, State},
    run::{EpochRecord, Observer, RunFolder},
};

/// Writes `report.html` after every epoch. A page that cannot be written does not end the run: a warning is printed once.
pub struct LiveReport {
    folder: PathBuf,
    gallery: Gallery,
    /// Whether the user was warned that the page cannot be written.
    is_warned: bool,
}

impl LiveReport {
    /// The report of the run in `folder`, whose val images are in `gallery`.
    pub fn new(folder: &Path, gallery: Gallery) -> Self {
        let mut live = Self { folder: folder.to_owned(), gallery, is_warned: false };
        live.write(true);
        live
    }

    /// Writes the last page of a run that has finished, stopped or failed.
    pub fn end(&mut self) {
        self.write(false);
    }

    fn write(&mut self, is_running: bool) {
        if let Err(error) = self.try_to_write(is_running)
            && !self.is_warned
        {
            self.is_warned = true;
            say(format_args!("warning: no report is written: {error:#}"));
        }
    }

    fn try_to_write(&self, is_running: bool) -> Result<()> {
        let mut run = ReportedRun::read(&self.folder)?;
        if !is_running && !run.is_finished() {
            run.state = State::Ended;
        }
        let refresh = is_running.then(|| pause(&run.epochs));
        let report = Report { refresh, ..Report::of_run(run, self.gallery.clone())? };
        durable::write(&self.folder.join(RunFolder::REPORT), report.to_html()?.as_bytes())
    }
}

/// Seconds until an open page reloads itself: about an epoch.
fn pause(epochs: &[EpochRecord]) -> u32 {
    epochs.last().map_or(5, |record| record.seconds.clamp(2.0, 60.0) as u32)
}

impl Observer for LiveReport {
    fn epoch_end(&mut self, _record: &EpochRecord) -> Result<()> {
        self.write(true);
        Ok(())
    }
}
