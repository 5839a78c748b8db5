//! Observers of a run, which are notified of its progress.

use anyhow::Result;

use super::EpochRecord;

/// Receives the progress of a run. All methods do nothing by default.
pub trait Observer {
    /// An epoch (from 1) with this number of updates begins. A resumed run may begin in the middle of one.
    fn epoch_begin(&mut self, _epoch: u32, _steps: u64) {}

    /// An update (from 1 in each epoch) is done. `batch_loss` is the running mean of the objective \[nats\] where the host
    /// has just read it; most updates pass `None`, because reading it makes the host wait for the device.
    fn step(&mut self, _step: u64, _batch_loss: Option<f64>) {}

    /// An epoch is done and measured.
    ///
    /// # Errors
    /// The record cannot be processed. Training then ends with this error.
    fn epoch_end(&mut self, _record: &EpochRecord) -> Result<()> {
        Ok(())
    }
}

/// Observes nothing.
impl Observer for () {}

/// Two observers; the first is notified first.
impl<A: Observer, B: Observer> Observer for (A, B) {
    fn epoch_begin(&mut self, epoch: u32, steps: u64) {
        self.0.epoch_begin(epoch, steps);
        self.1.epoch_begin(epoch, steps);
    }

    fn step(&mut self, step: u64, batch_loss: Option<f64>) {
        self.0.step(step, batch_loss);
        self.1.step(step, batch_loss);
    }

    fn epoch_end(&mut self, record: &EpochRecord) -> Result<()> {
        self.0.epoch_end(record)?;
        self.1.epoch_end(record)
    }
}

/// A borrowed observer.
impl<T: Observer + ?Sized> Observer for &mut T {
    fn epoch_begin(&mut self, epoch: u32, steps: u64) {
        (**self).epoch_begin(epoch, steps);
    }

    fn step(&mut self, step: u64, batch_loss: Option<f64>) {
        (**self).step(step, batch_loss);
    }

    fn epoch_end(&mut self, record: &EpochRecord) -> Result<()> {
        (**self).epoch_end(record)
    }
}
