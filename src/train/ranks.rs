//! Ranks, the processes that train one run together: what each computes of a batch, and how the results are combined.
//! A run of one process is a run of one rank, for which every collective operation is the identity.
//!
//! After every update all ranks hold the same state, to the bit: weights, running statistics, optimizer state, averages.
//! Each rank computes for itself what needs no exchange (clipping, averaging, schedules, early stopping, the choice of the
//! best epoch). Rank 0 writes the checkpoints, and any number of ranks can resume from one.

use std::{ops::Range, sync::Arc};

use anyhow::{Context, Result, bail};
use serde::{Serialize, de::DeserializeOwned};
use tch::{Device, Kind, Tensor};

use super::{
    Failure,
    evaluate::{BATCH, evaluate, outputs},
};
use crate::{
    augment::Normalize,
    data::Split,
    model::{BatchShare, ResNet},
    run::Outputs,
    torch::{Collective, Reduce},
};

/// The ranks of a run, as one of them sees them. Every method that returns a result is a collective operation: all ranks
/// call it, in the same order, and it fails where another rank is dead or does not come in time.
#[derive(Clone, Debug)]
pub struct Ranks(Option<Groups>);

/// Several processes, connected.
#[derive(Clone, Debug)]
struct Groups {
    /// Reduces and broadcasts tensors on the training device.
    device: Arc<dyn Collective>,
    /// Reduces and broadcasts tensors on the CPU; the same group where the training device is the CPU.
    host: Arc<dyn Collective>,
}

impl Ranks {
    /// Ranks that exchange tensors of the training device by `device` and of the CPU by `host`.
    pub fn new(device: Arc<dyn Collective>, host: Arc<dyn Collective>) -> Self {
        Self(Some(Groups { device, host }))
    }

    /// The one rank of a run in a single process.
    pub fn single() -> Self {
        Self(None)
    }

    /// The number of this rank, from 0.
    pub fn rank(&self) -> usize {
        self.0.as_ref().map_or(0, |groups| groups.host.rank())
    }

    /// How many ranks there are.
    pub fn size(&self) -> usize {
        self.0.as_ref().map_or(1, |groups| groups.host.size())
    }

    /// This rank's part of `n` consecutive items. The ranks divide them in order, and no two parts differ in length by
    /// more than one.
    pub fn own(&self, n: usize) -> Range<usize> {
        n * self.rank() / self.size()..n * (self.rank() + 1) / self.size()
    }

    /// This rank's part of a batch of `n` images; None on a single rank, which has all of them. With `sync_bn` batch norm
    /// computes its statistics over all parts.
    pub(super) fn part(&self, n: usize, sync_bn: bool) -> Option<BatchShare> {
        let groups = self.0.as_ref()?;
        let Range { start, end } = self.own(n);
        Some(BatchShare {
            rows: start as i64..end as i64,
            of: n as i64,
            norm: sync_bn.then(|| Arc::clone(&groups.device)),
        })
    }

    /// Waits until all ranks have called it.
    pub fn wait(&self) -> Result<()> {
        self.0.as_ref().map_or(Ok(()), |groups| groups.host.barrier())
    }

    /// Whether `flag` is set on any rank.
    pub fn any(&self, flag: bool) -> Result<bool> {
        let Some(groups) = &self.0 else { return Ok(flag) };
        let flags = Tensor::from_slice(&[i64::from(flag)]);
        groups.host.all_reduce(&flags, Reduce::Max)?;
        let flags: Vec<i64> = flags.try_into()?;
        Ok(flags[0] > 0)
    }

    /// The value of the first rank that has one.
    pub fn first_of<T: Serialize + DeserializeOwned>(&self, value: Option<T>) -> Result<Option<T>> {
        let Some(groups) = &self.0 else { return Ok(value) };
        let text = value.map(|value| serde_json::to_string(&value)).transpose()?;
        let lengths = groups.gather(text.as_ref().map_or(0, |text| text.len() as i64))?;
        let Some(first) = lengths.iter().position(|&length| length > 0) else { return Ok(None) };
        let bytes = match text {
            Some(text) if first == self.rank() => Tensor::from_slice(text.as_bytes()),
            _ => Tensor::zeros([lengths[first]], (Kind::Uint8, Device::Cpu)),
        };
        // All other ranks contribute zeros.
        groups.host.all_reduce(&bytes, Reduce::Sum)?;
        let bytes: Vec<u8> = bytes.try_into()?;
        Ok(Some(serde_json::from_slice(&bytes).context("another rank sent something else")?))
    }

    /// This rank's share of the mean loss over a batch of `n` images, given the mean `loss` over its own part: the shares
    /// of all ranks add up to the mean over the whole batch. `weights` are the classes' weights in the loss, if they have
    /// any, and `labels` the class numbers of the own part.
    pub(super) fn loss_share(
        &self,
        loss: Tensor,
        labels: &Tensor,
        n: usize,
        weights: Option<&Tensor>,
    ) -> Result<Tensor> {
        let Some(groups) = &self.0 else { return Ok(loss) };
        let Some(weights) = weights else { return Ok(loss * self.share(n)) };
        let own = weights.index_select(0, labels).sum(Kind::Float).view([1]);
        let all = groups.sum(&[(&own, &own)])?;
        Ok(loss * (own / &all[0]).squeeze())
    }

    /// This rank's share of a batch of `n` images.
    fn share(&self, n: usize) -> f64 {
        self.own(n).len() as f64 / n as f64
    }

    /// Replaces `gradients`, in the order of `Parameters::trained`, by their sums over all ranks, and returns the `losses`
    /// of an update, summed over all ranks: several float64 scalars on one rank, one on more.
    ///
    /// With `statistics` the running statistics of `model` become the mean over all ranks, each weighted by its share of
    /// the batch of `n` images. Their variance is then the mean variance within the parts, as batch norm has it without
    /// `sync_bn`.
    pub(super) fn all_reduce(
        &self,
        model: &ResNet,
        gradients: &mut Vec<Tensor>,
        losses: Vec<Tensor>,
        statistics: bool,
        n: usize,
    ) -> Result<Vec<Tensor>> {
        let Some(groups) = &self.0 else { return Ok(losses) };
        let mut loss = Tensor::zeros([], (Kind::Double, model.parameters.device()));
        for own in &losses {
            let _ = loss.g_add_(own);
        }
        let loss = loss.to_kind(Kind::Float).view([1]);
        let running: Vec<&Tensor> =
            model.running_statistics().filter(|_| statistics).map(|parameter| &parameter.tensor).collect();
        let weighted: Vec<Tensor> = running.iter().map(|tensor| *tensor * self.share(n)).collect();

        let trained = model.parameters.trained().map(|parameter| &parameter.tensor);
        let mut all: Vec<(&Tensor, &Tensor)> = gradients.iter().zip(trained).collect();
        all.extend(weighted.iter().zip(running.iter().copied()));
        all.push((&loss, &loss));
        let mut sums = groups.sum(&all)?;

        let _guard = tch::no_grad_guard();
        let loss = sums.pop().context("the loss was the last of them")?;
        for (tensor, mean) in running.iter().zip(sums.drain(gradients.len()..)) {
            tensor.shallow_clone().copy_(&mean);
        }
        *gradients = sums;
        Ok(vec![loss.squeeze().to_kind(Kind::Double)])
    }

    /// Measures the images of `split` at `positions` as [`evaluate`] does, with the batches divided among the ranks. Every
    /// rank gets all outputs, which equal those of a single process.
    pub(super) fn evaluate(
        &self,
        model: &ResNet,
        normalize: &Normalize,
        split: &Split,
        positions: &[u32],
    ) -> Result<Outputs> {
        let Some(groups) = &self.0 else { return evaluate(model, normalize, split, positions) };
        let batches = self.own(positions.len().div_ceil(BATCH));
        let own = batches.start * BATCH..positions.len().min(batches.end * BATCH);
        let classes = model.classes();
        let logits = Tensor::zeros([positions.len() as i64 * classes], (Kind::Float, Device::Cpu));
        if !own.is_empty() {
            let computed = evaluate(model, normalize, split, &positions[own.clone()])?.logits;
            let mut rows = logits.narrow(0, own.start as i64 * classes, computed.len() as i64);
            rows.copy_(&Tensor::from_slice(&computed));
        }
        // All other ranks have zeros there, and a sum with zeros is exact.
        groups.host.all_reduce(&logits, Reduce::Sum)?;
        Ok(outputs(logits.try_into()?, split, positions))
    }

    /// Sets every tensor to the value that it has on rank 0.
    pub(super) fn broadcast<'a>(&self, tensors: impl IntoIterator<Item = &'a Tensor>) -> Result<()> {
        let Some(groups) = &self.0 else { return Ok(()) };
        let _guard = tch::no_grad_guard();
        for tensor in tensors {
            let flat = tensor.detach().flatten(0, -1).copy();
            groups.device.broadcast(&flat)?;
            tensor.detach().copy_(&flat.view_as(tensor));
        }
        Ok(())
    }

    /// Checks that every rank has the same `hash` of the training state.
    ///
    /// # Errors
    /// A state differs from rank 0's, because hardware is broken or libtorch is another one; the error names the ranks.
    pub fn check_same(&self, hash: impl FnOnce() -> Result<i64>) -> Result<()> {
        let Some(groups) = &self.0 else { return Ok(()) };
        let hashes = groups.gather(hash()?)?;
        let mut others = Vec::new();
        for (rank, hash) in hashes.iter().enumerate() {
            if *hash != hashes[0] {
                others.push(rank.to_string());
            }
        }
        if !others.is_empty() {
            bail!(Failure(format!(
                "rank {} no longer holds the weights of rank 0, although every update gave all ranks the same; look for \
                 another version of libtorch or broken memory there, and resume the run from its last checkpoint",
                others.join(", ")
            )));
        }
        Ok(())
    }
}

impl Groups {
    /// Each rank's number, in rank order.
    fn gather(&self, number: i64) -> Result<Vec<i64>> {
        let numbers = Tensor::zeros([self.host.size() as i64], (Kind::Int64, Device::Cpu));
        let _ = numbers.get(self.host.rank() as i64).fill_(number);
        self.host.all_reduce(&numbers, Reduce::Sum)?;
        Ok(numbers.try_into()?)
    }

    /// The sums over all ranks of float32 tensors on the device. `tensors` are pairs of a tensor and one whose strides
    /// the sum gets. They travel as one flat bucket.
    fn sum(&self, tensors: &[(&Tensor, &Tensor)]) -> Result<Vec<Tensor>> {
        let Some((first, _)) = tensors.first() else { return Ok(Vec::new()) };
        let _guard = tch::no_grad_guard();
        let length: usize = tensors.iter().map(|(tensor, _)| tensor.numel()).sum();
        let bucket = Tensor::empty([length as i64], (Kind::Float, first.device()));
        let mut offset = 0;
        let mut sums = Vec::with_capacity(tensors.len());
        for (tensor, like) in tensors {
            let mut slice = bucket.as_strided(like.size(), like.stride(), offset);
            slice.copy_(tensor);
            offset += tensor.numel() as i64;
            sums.push(slice);
        }
        self.device.all_reduce(&bucket, Reduce::Sum)?;
        Ok(sums)
    }
}
