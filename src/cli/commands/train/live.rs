//! The report of a run while it goes on: an open page shows the run live.

use anyhow::Result;

use crate::cli::output::say::say;
use mindgap::{
    data::Gallery,
    durable,
    report::{Report, Run, State},
    run::{EpochRecord, Observer, RunFolder},
};

/// Writes `report.html` after every epoch. A page that cannot be written is no reason to lose a run: it is said once.
pub struct Live<'a> {
    folder: &'a RunFolder,
    gallery: Gallery,
    /// Whether the user was told that the page cannot be written.
    is_told: bool,
}

impl<'a> Live<'a> {
    /// The report of the run in `folder`, whose val images are in `gallery`.
    pub fn new(folder: &'a RunFolder, gallery: Gallery) -> Self {
        let mut live = Self { folder, gallery, is_told: false };
        live.write(true);
        live
    }

    /// Writes the last page of a run that has ended, in whatever way.
    pub fn end(&mut self) {
        self.write(false);
    }

    fn write(&mut self, is_running: bool) {
        if let Err(error) = self.try_to_write(is_running)
            && !self.is_told
        {
            self.is_told = true;
            say(format_args!("warning: no report is written: {error:#}"));
        }
    }

    fn try_to_write(&self, is_running: bool) -> Result<()> {
        let mut run = Run::read(self.folder.path())?;
        if !is_running && !run.is_finished() {
            run.state = State::Ended;
        }
        let refresh = is_running.then(|| pause(&run.epochs));
        let report = Report { refresh, ..Report::of_run(run, self.gallery.clone())? };
        durable::write(&self.folder.file(RunFolder::REPORT), report.to_html()?.as_bytes())
    }
}

/// Seconds until an open page should look again: about an epoch.
fn pause(epochs: &[EpochRecord]) -> u32 {
    epochs.last().map_or(5, |record| record.seconds.clamp(2.0, 60.0) as u32)
}

impl Observer for Live<'_> {
    fn epoch_end(&mut self, _record: &EpochRecord) -> Result<()> {
        self.write(true);
        Ok(())
    }
}
