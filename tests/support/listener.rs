//! An observer that records the epochs of a training, and stops it where it is asked to.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use mindgap::run::{EpochRecord, Observer};

/// Remembers epochs, times aside, and may stop the training.
pub struct Listener<'a> {
    pub epochs: Vec<EpochRecord>,
    pub stop: &'a AtomicBool,
    /// After how many whole epochs, and then updates, `stop` is raised.
    pub stop_at: Option<(usize, u64)>,
}

impl Observer for Listener<'_> {
    fn step(&mut self, step: u64, _: Option<f64>) {
        if self.stop_at == Some((self.epochs.len(), step)) {
            self.stop.store(true, Ordering::Relaxed);
        }
    }

    fn epoch_end(&mut self, record: &EpochRecord) -> Result<()> {
        self.epochs.push(EpochRecord { seconds: 0.0, train_images_per_s: 0.0, ..record.clone() });
        Ok(())
    }
}
