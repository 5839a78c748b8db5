//! Processes that compute one run together, as the rooms above see them.

use std::fmt;

use anyhow::Result;
use tch::Tensor;

/// How numbers of several processes become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduce {
    /// Their sum.
    Sum,
    /// The least of them.
    Min,
    /// The greatest.
    Max,
}

/// The processes of a run, numbered from 0. Each makes the same calls in the same order with tensors of the same shape
/// and kind, dense and on the group's device; a call ends when all have made it.
///
/// # Errors
/// Every call fails when another process has died, or does not come within the group's time limit.
pub trait Collective: fmt::Debug + Send + Sync {
    /// The number of this process.
    fn rank(&self) -> usize;

    /// How many processes there are.
    fn size(&self) -> usize;

    /// Replaces each number of `tensor` by what `operation` makes of all processes'; the bits are the same on all.
    fn all_reduce(&self, tensor: &Tensor, operation: Reduce) -> Result<()>;

    /// Replaces `tensor` by that of process 0.
    fn broadcast(&self, tensor: &Tensor) -> Result<()>;

    /// Waits for all.
    fn barrier(&self) -> Result<()>;

    /// The sum of all processes' `x`, as a step of autograd.
    fn sum(&self, x: &Tensor) -> Result<Tensor>;
}
