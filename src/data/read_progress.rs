//! How far a long read has come, told to whoever shows it.

/// Hears about work that takes a while. Threads call [`advance`](Progress::advance) at the same time.
pub trait ReadProgress: Sync {
    /// Work called `what` begins, on `total` items.
    fn begin(&self, what: &str, total: u64);
    /// `n` more items are done.
    fn advance(&self, n: u64);
    /// The work that began last has ended.
    fn end(&self);
}

/// Shows nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoProgress;

impl ReadProgress for NoProgress {
    fn begin(&self, _what: &str, _total: u64) {}
    fn advance(&self, _n: u64) {}
    fn end(&self) {}
}
