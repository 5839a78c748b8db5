//! A process's share of a batch that several processes compute together.

use std::{ops::Range, sync::Arc};

use tch::{Device, Tensor};

use super::drop::keep_mask;
use crate::{random::Stream, torch::Collective};

/// The share of a batch that this process computes.
#[derive(Clone, Debug)]
pub struct BatchShare {
    /// The rows of the batch, from 0.
    pub rows: Range<i64>,
    /// The number of images in the whole batch.
    pub of: i64,
    /// The processes over whose rows batch norm takes its statistics; `None` where it takes them over this process's
    /// rows.
    pub norm: Option<Arc<dyn Collective>>,
}

/// The random draws of dropout, drop-path and DropBlock in one pass. They are drawn for the whole batch, of which each
/// process takes its rows, so an image gets the same draws whatever the number of processes.
#[derive(Clone, Debug)]
pub struct DropoutDraws {
    pub(super) stream: Stream,
    pub(super) share: Option<BatchShare>,
}

impl From<Stream> for DropoutDraws {
    /// Draws for a batch that this process computes alone.
    fn from(stream: Stream) -> Self {
        Self { stream, share: None }
    }
}

impl DropoutDraws {
    /// Draws for a share of a batch; `None` is the whole batch.
    pub fn new(stream: Stream, share: Option<BatchShare>) -> Self {
        Self { stream, share }
    }

    /// The number of images in the whole batch, of which this process has `n`.
    pub(super) fn whole(&self, n: i64) -> i64 {
        self.share.as_ref().map_or(n, |share| share.of)
    }

    /// This process's rows of a tensor over the whole batch.
    pub(super) fn own(&self, whole: Tensor) -> Tensor {
        match &self.share {
            None => whole,
            Some(BatchShare { rows, .. }) => whole.narrow(0, rows.start, rows.end - rows.start),
        }
    }

    /// A mask of `shape`, whose first dimension is this process's images: each number is 0 with probability `rate`,
    /// otherwise 1.
    pub(super) fn keep_mask(&mut self, shape: &[i64], rate: f64, device: Device) -> Tensor {
        let mut shape = shape.to_vec();
        shape[0] = self.whole(shape[0]);
        let whole = keep_mask(&shape, rate, &mut self.stream, device);
        self.own(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{drop_block, drop_path},
        random::Purpose,
    };

    /// Asserts that `drop` gives the same for a whole batch and for its shares.
    fn assert_same(drop: impl Fn(&Tensor, &mut DropoutDraws) -> Tensor) {
        let batch = Tensor::arange(5 * 8 * 6 * 6, (tch::Kind::Float, Device::Cpu)).view([5, 8, 6, 6]) + 1.0;
        let stream = || Stream::new(4, Purpose::Network, 2, 7);
        let whole = drop(&batch, &mut stream().into());
        let shares = [0..2, 2..5].map(|rows| {
            let own = batch.narrow(0, rows.start, rows.end - rows.start);
            drop(&own, &mut DropoutDraws::new(stream(), Some(BatchShare { rows, of: 5, norm: None })))
        });
        assert_ne!(whole, batch, "something was dropped");
        assert_eq!(Tensor::cat(&shares, 0), whole);
    }

    #[test]
    fn an_image_gets_the_same_draws_on_any_number_of_processes() {
        assert_same(|x, draws| x * draws.keep_mask(&x.size(), 0.5, Device::Cpu));
        assert_same(|x, draws| drop_path::forward(x, 0.5, draws));
        assert_same(|x, draws| drop_block::forward(x, 0.3, draws));
    }
}
