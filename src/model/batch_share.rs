//! A process's part of a batch that several processes share.

use std::{ops::Range, sync::Arc};

use tch::{Device, Tensor};

use super::drop::keep_mask;
use crate::{random::Stream, torch::Collective};

/// The rows of a batch that this process computes.
#[derive(Clone, Debug)]
pub struct BatchShare {
    /// Which rows of the batch, from 0.
    pub rows: Range<i64>,
    /// Images in the whole batch.
    pub of: i64,
    /// The processes over whose rows batch norm takes its statistics, where it takes them over the whole batch.
    pub norm: Option<Arc<dyn Collective>>,
}

/// What dropout and its kin draw from in one pass. The draws are those of the whole batch, so that an image meets the
/// same noise on however many processes; each takes those of its rows.
#[derive(Clone, Debug)]
pub struct DropoutDraws {
    pub(super) stream: Stream,
    part: Option<BatchShare>,
}

impl From<Stream> for DropoutDraws {
    /// For a batch that this process has to itself.
    fn from(stream: Stream) -> Self {
        Self { stream, part: None }
    }
}

impl DropoutDraws {
    /// For the part of a batch; None for a whole one.
    pub fn new(stream: Stream, part: Option<BatchShare>) -> Self {
        Self { stream, part }
    }

    /// Images in the batch of which there are `n` here.
    pub(super) fn whole(&self, n: i64) -> i64 {
        self.part.as_ref().map_or(n, |part| part.of)
    }

    /// The rows of a tensor over the whole batch that are this process's.
    pub(super) fn own(&self, whole: Tensor) -> Tensor {
        match &self.part {
            None => whole,
            Some(BatchShare { rows, .. }) => whole.narrow(0, rows.start, rows.end - rows.start),
        }
    }

    /// Ones of `shape`, whose first side is the images here, each replaced by a zero with probability `rate`.
    pub(super) fn keep_mask(&mut self, shape: &[i64], rate: f64, device: Device) -> Tensor {
        let mut shape = shape.to_vec();
        shape[0] = self.whole(shape[0]);
        let whole = keep_mask(&shape, rate, &mut self.stream, device);
        self.own(whole)
    }

    /// The processes over whose rows batch norm takes its statistics.
    pub(super) fn norm(&self) -> Option<&dyn Collective> {
        self.part.as_ref()?.norm.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{drop_block, drop_path},
        random::Purpose,
    };

    /// What `noise` makes of a batch at once, and of its parts.
    fn assert_same(noise: impl Fn(&Tensor, &mut DropoutDraws) -> Tensor) {
        let batch = Tensor::arange(5 * 8 * 6 * 6, (tch::Kind::Float, Device::Cpu)).view([5, 8, 6, 6]) + 1.0;
        let stream = || Stream::new(4, Purpose::Network, 2, 7);
        let whole = noise(&batch, &mut stream().into());
        let parts = [0..2, 2..5].map(|rows| {
            let own = batch.narrow(0, rows.start, rows.end - rows.start);
            noise(&own, &mut DropoutDraws::new(stream(), Some(BatchShare { rows, of: 5, norm: None })))
        });
        assert_ne!(whole, batch, "something was dropped");
        assert_eq!(Tensor::cat(&parts, 0), whole);
    }

    #[test]
    fn an_image_meets_the_same_noise_whoever_computes_it() {
        assert_same(|x, draws| x * draws.keep_mask(&x.size(), 0.5, Device::Cpu));
        assert_same(|x, draws| drop_path::forward(x, 0.5, draws));
        assert_same(|x, draws| drop_block::forward(x, 0.3, draws));
    }
}
