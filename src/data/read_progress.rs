//! Progress of reading a data set.

/// Receives the progress of long work. Several threads call [`advance`](ReadProgress::advance) concurrently.
pub trait ReadProgress: Sync {
    /// Work called `what` on `total` items begins.
    fn begin(&self, what: &str, total: u64);
    /// `n` more items are done.
    fn advance(&self, n: u64);
    /// The work that began last ends.
    fn end(&self);
}

/// Ignores all progress.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoProgress;

impl ReadProgress for NoProgress {
    fn begin(&self, _what: &str, _total: u64) {}
    fn advance(&self, _n: u64) {}
    fn end(&self) {}
}
