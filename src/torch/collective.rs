//! The interface by which the processes that train one run together exchange tensors.

use std::fmt;

use anyhow::Result;
use tch::Tensor;

/// How an all-reduce combines the numbers of all processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduce {
    /// The sum.
    Sum,
    /// The largest number.
    Max,
}

/// Collective operations of the processes of a run, which are numbered from 0. Every process makes the same calls in
/// the same order, with tensors of the same shape and kind that are dense and on the collective's device; a call ends
/// when all processes have made it.
///
/// # Errors
/// A call fails when another process has died, or does not make the call within the time limit.
pub trait Collective: fmt::Debug + Send + Sync {
    /// The number of this process.
    fn rank(&self) -> usize;

    /// The number of processes.
    fn size(&self) -> usize;

    /// Replaces each number of `tensor` by `operation` over all processes' numbers; the result has the same bits on
    /// all.
    fn all_reduce(&self, tensor: &Tensor, operation: Reduce) -> Result<()>;

    /// Replaces the numbers of `tensor` by those of process 0.
    fn broadcast(&self, tensor: &Tensor) -> Result<()>;

    /// Waits until all processes have made this call.
    fn barrier(&self) -> Result<()>;

    /// The sum of all processes' `x`, differentiable by autograd.
    fn sum(&self, x: &Tensor) -> Result<Tensor>;
}
