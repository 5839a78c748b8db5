//! What training reports while it runs, and to whom.

use anyhow::Result;

use super::EpochRecord;

/// Hears what happens in a run. Training knows nothing more of its listeners; the command line decides who they are.
pub trait Observer {
    /// An epoch (from 1) of so many steps begins. A resumed run may begin in the middle of one.
    fn epoch_begin(&mut self, _epoch: u32, _steps: u64) {}

    /// A step (from 1 in each epoch) is done. `batch_loss` is the running mean of the objective where the host has just
    /// read it; most steps pass `None`, since reading it would stop the device.
    fn step(&mut self, _step: u64, _batch_loss: Option<f64>) {}

    /// An epoch is done and measured.
    ///
    /// # Errors
    /// When what was heard cannot be kept; training then ends with this error.
    fn epoch_end(&mut self, record: &EpochRecord) -> Result<()>;
}

/// Two listeners; the first hears everything first.
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

/// A borrowed listener.
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
