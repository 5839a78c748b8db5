//! The processes, ranks in the field's word, that train one run together: what each computes of a batch, and how their
//! parts become one.
//!
//! After every update all ranks hold the same state, to the bit: weights, running statistics, optimiser memory, averages.
//! So whatever comes after an update (averaging, clipping, schedules, patience, the choice of the best epoch) is computed
//! by each for itself, and a checkpoint is rank 0's, whatever their number.

use std::{ops::Range, sync::Arc};

use anyhow::{Context, Result, bail, ensure};
use tch::{Device, Kind, Tensor};
use xxhash_rust::xxh3::Xxh3;

use super::{
    Average, Failure, Patience, Position, Trainer, checkpoint,
    evaluate::{BATCH, evaluate, outputs},
};
use crate::{
    augment::Normalize,
    data::Split,
    model::{BatchShare, ResNet, weights},
    run::Outputs,
    torch::{Collective, Reduce},
};

/// The ranks of a run, as one of them sees them.
#[derive(Clone, Debug)]
pub struct Ranks {
    /// Carries tensors of the training device.
    device: Arc<dyn Collective>,
    /// Carries what the host knows: signals, words, logits. The same group where the device is the CPU.
    host: Arc<dyn Collective>,
}

impl Ranks {
    /// Of a group for tensors on the training device, and one for the CPU's.
    pub fn new(device: Arc<dyn Collective>, host: Arc<dyn Collective>) -> Self {
        Self { device, host }
    }

    /// The number of this rank, from 0.
    pub fn rank(&self) -> usize {
        self.host.rank()
    }

    /// How many ranks there are.
    pub fn size(&self) -> usize {
        self.host.size()
    }

    /// Which of `n` things in a row are this rank's: the ranks take them in order, and no two counts differ by more than
    /// one.
    pub fn own(&self, n: usize) -> Range<usize> {
        n * self.rank() / self.size()..n * (self.rank() + 1) / self.size()
    }

    /// This rank's part of a batch of `n` images; `sync_bn` lets batch norm take the statistics of all parts.
    pub(super) fn part(&self, n: usize, sync_bn: bool) -> BatchShare {
        let Range { start, end } = self.own(n);
        BatchShare { rows: start as i64..end as i64, of: n as i64, norm: sync_bn.then(|| Arc::clone(&self.device)) }
    }

    /// Waits for all ranks.
    ///
    /// # Errors
    /// A rank is dead or does not come; so it is with everything that follows.
    pub fn wait(&self) -> Result<()> {
        self.host.barrier()
    }

    /// Whether `flag` is raised on any rank.
    pub fn any(&self, flag: bool) -> Result<bool> {
        let flags = Tensor::from_slice(&[i64::from(flag)]);
        self.host.all_reduce(&flags, Reduce::Max)?;
        let flags: Vec<i64> = flags.try_into()?;
        Ok(flags[0] > 0)
    }

    /// The text of the first rank that has one.
    pub fn first_of(&self, text: Option<&str>) -> Result<Option<String>> {
        let lengths = self.gather(text.map_or(0, |text| text.len() as i64 + 1))?;
        let Some(first) = lengths.iter().position(|&length| length > 0) else { return Ok(None) };
        let bytes = match text {
            Some(text) if first == self.rank() => Tensor::from_slice(text.as_bytes()),
            _ => Tensor::zeros([lengths[first] - 1], (Kind::Uint8, Device::Cpu)),
        };
        if bytes.numel() > 0 {
            self.host.all_reduce(&bytes, Reduce::Sum)?;
        }
        Ok(Some(String::from_utf8(bytes.try_into()?).context("a rank sent what is no text")?))
    }

    /// Each rank's number, in their order.
    fn gather(&self, number: i64) -> Result<Vec<i64>> {
        let numbers = Tensor::zeros([self.size() as i64], (Kind::Int64, Device::Cpu));
        let _ = numbers.get(self.rank() as i64).fill_(number);
        self.host.all_reduce(&numbers, Reduce::Sum)?;
        Ok(numbers.try_into()?)
    }

    /// The sums over all ranks of float32 tensors on the device, each laid out in memory as the tensor beside it. They
    /// travel as one flat bucket.
    fn sum(&self, tensors: &[(&Tensor, &Tensor)]) -> Result<Vec<Tensor>> {
        let Some((first, _)) = tensors.first() else { return Ok(Vec::new()) };
        let _guard = tch::no_grad_guard();
        let numbers: usize = tensors.iter().map(|(tensor, _)| tensor.numel()).sum();
        let bucket = Tensor::empty([numbers as i64], (Kind::Float, first.device()));
        let mut offset = 0;
        let place = |(tensor, like): &(&Tensor, &Tensor)| {
            let mut place = bucket.as_strided(like.size(), like.stride(), offset);
            place.copy_(tensor);
            offset += tensor.numel() as i64;
            place
        };
        let places = tensors.iter().map(place).collect();
        self.device.all_reduce(&bucket, Reduce::Sum)?;
        Ok(places)
    }

    /// What the mean `loss` over this rank's part of a batch of `n` images adds to the mean over the whole batch. Where
    /// `weights` of the classes weigh the images, these are those of `labels`.
    pub(super) fn addend(&self, loss: Tensor, labels: &Tensor, n: usize, weights: Option<&Tensor>) -> Result<Tensor> {
        let Some(weights) = weights else { return Ok(loss * self.share(n)) };
        let own = weights.index_select(0, labels).sum(Kind::Float).view([1]);
        let all = self.sum(&[(&own, &own)])?;
        Ok(loss * (own / &all[0]).squeeze())
    }

    /// This rank's share of a batch of `n` images.
    fn share(&self, n: usize) -> f64 {
        self.own(n).len() as f64 / n as f64
    }

    /// Ends the backward passes of an update: each of `gradients`, in the order of `Parameters::trained`, and `loss`, a
    /// scalar, become their sums over all ranks. With `statistics` the running statistics of `model` become the mean
    /// over all ranks, each weighed by its share of the `n` images: what the ranks' own batches would have moved one
    /// statistic by together. (Variance within the parts, that is; batch norm's own choice without `--sync-bn`.)
    pub(super) fn unite(
        &self,
        model: &ResNet,
        gradients: &mut Vec<Tensor>,
        loss: &mut Tensor,
        statistics: bool,
        n: usize,
    ) -> Result<()> {
        let single = loss.to_kind(Kind::Float).view([1]);
        let moving: Vec<&Tensor> =
            model.running_statistics().filter(|_| statistics).map(|parameter| &parameter.tensor).collect();
        let weighed: Vec<Tensor> = moving.iter().map(|tensor| *tensor * self.share(n)).collect();

        let trained = model.parameters.trained().map(|parameter| &parameter.tensor);
        let mut all: Vec<(&Tensor, &Tensor)> = gradients.iter().zip(trained).collect();
        all.extend(weighed.iter().zip(moving.iter().copied()));
        all.push((&single, &single));
        let mut sums = self.sum(&all)?;

        let _guard = tch::no_grad_guard();
        *loss = sums.pop().context("a loss was sent")?.squeeze();
        for (tensor, mean) in moving.iter().zip(sums.drain(gradients.len()..)) {
            tensor.shallow_clone().copy_(&mean);
        }
        *gradients = sums;
        Ok(())
    }

    /// [`evaluate`] with its batches divided among the ranks: every rank gets all outputs, which are those of a single
    /// process.
    fn evaluate(&self, model: &ResNet, normalize: &Normalize, split: &Split, positions: &[u32]) -> Result<Outputs> {
        let batches = self.own(positions.len().div_ceil(BATCH));
        let own = batches.start * BATCH..positions.len().min(batches.end * BATCH);
        let classes = model.classes();
        let logits = Tensor::zeros([positions.len() as i64 * classes], (Kind::Float, Device::Cpu));
        if !own.is_empty() {
            let computed = evaluate(model, normalize, split, &positions[own.clone()])?.logits;
            let mut place = logits.narrow(0, own.start as i64 * classes, computed.len() as i64);
            place.copy_(&Tensor::from_slice(&computed));
        }
        // All other ranks have zeros there, and a sum with zeros is exact.
        self.host.all_reduce(&logits, Reduce::Sum)?;
        Ok(outputs(logits.try_into()?, split, positions))
    }

    /// Gives every tensor the value that it has on rank 0.
    pub(super) fn broadcast<'a>(&self, tensors: impl IntoIterator<Item = &'a Tensor>) -> Result<()> {
        let _guard = tch::no_grad_guard();
        for tensor in tensors {
            let flat = tensor.detach().flatten(0, -1).copy();
            self.device.broadcast(&flat)?;
            tensor.detach().copy_(&flat.view_as(tensor));
        }
        Ok(())
    }

    /// Checks that every rank holds the same state, to the bit.
    ///
    /// # Errors
    /// One does not: its number. Its hardware is broken, or its libtorch is another one.
    pub fn check_same(&self, trainer: &Trainer) -> Result<()> {
        let hashes = self.gather(trainer.hash()?)?;
        let others: Vec<String> = (0..)
            .zip(&hashes)
            .filter(|(_, hash)| **hash != hashes[0])
            .map(|(rank, _): (usize, _)| rank.to_string())
            .collect();
        if !others.is_empty() {
            bail!(Failure(format!(
                "rank {} no longer holds the weights of rank 0, though each update gave all the same; look for another \
                 version of libtorch or broken memory there, and --resume from the last checkpoint",
                others.join(", ")
            )));
        }
        Ok(())
    }
}

impl Trainer {
    /// Makes this trainer one of several that train together from rank 0's state. Recipe and data must be rank 0's.
    ///
    /// # Errors
    /// A batch is too small to be shared among so many, or a rank is dead.
    pub fn join(&mut self, ranks: Ranks) -> Result<()> {
        let (batch, size) = (self.recipe.batch_size as usize, ranks.size());
        ensure!(
            batch >= 2 * size,
            "a batch of {batch} among {size} ranks leaves one with a single image, of which batch norm knows no variance; \
             choose a --batch-size of at least {}",
            2 * size
        );
        ranks.broadcast(checkpoint::tensors(self).into_iter().map(|(_, tensor)| tensor))?;
        let Position { epochs, updates, loss_sum } = self.position;
        let averaged = self.average.as_ref().map_or(0, |average: &Average| average.count);
        let counts = [u64::from(epochs), updates, self.optimizer.updates, averaged, u64::from(self.patience.epochs)];
        let counts = Tensor::from_slice(&counts.map(|count| count as i64));
        let sums = Tensor::from_slice(&[loss_sum, self.patience.lowest]);
        ranks.host.broadcast(&counts)?;
        ranks.host.broadcast(&sums)?;
        let (counts, sums): (Vec<i64>, Vec<f64>) = (counts.try_into()?, sums.try_into()?);
        self.position = Position { epochs: counts[0] as u32, updates: counts[1] as u64, loss_sum: sums[0] };
        self.optimizer.updates = counts[2] as u64;
        if let Some(average) = &mut self.average {
            average.count = counts[3] as u64;
        }
        self.patience = Patience { lowest: sums[1], epochs: counts[4] as u32 };
        self.ranks = Some(ranks);
        Ok(())
    }

    /// The outputs of `network`, the model or its raw weights, on the images of `split` at `positions`; all ranks share
    /// the work.
    pub(super) fn evaluate(&self, network: &ResNet, split: &Split, positions: &[u32]) -> Result<Outputs> {
        match &self.ranks {
            None => evaluate(network, &self.normalize, split, positions),
            Some(ranks) => ranks.evaluate(network, &self.normalize, split, positions),
        }
    }

    /// A hash of the whole state.
    pub fn hash(&self) -> Result<i64> {
        let mut hash = Xxh3::new();
        for (name, tensor) in checkpoint::tensors(self) {
            hash.update(&weights::to_array(name, tensor)?.bytes);
        }
        Ok(hash.digest() as i64)
    }
}
