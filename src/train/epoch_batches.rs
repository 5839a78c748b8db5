//! The batches of an epoch that are still to come.

use std::iter::Zip;

use anyhow::{Context, Result};
use tch::Device;

use super::{
    examples::{TrainBatch, draw},
    order::{order, repeats},
};
use crate::{
    augment::BatchDraws,
    data::{Batches, Dataset, Loader},
    recipe::Recipe,
};

/// The batches of an epoch that are still to come.
pub(super) struct EpochBatches<'a> {
    source: Zip<Batches<'a>, Loader<BatchDraws>>,
    /// Batches handed over, including those before the position at which training resumed.
    done: u64,
    /// Batches in the whole epoch.
    batches: u64,
}

impl<'a> EpochBatches<'a> {
    /// The batches of `epoch` (from 1) after the first `done`. An incomplete last batch is dropped. `rows` returns
    /// the rows of a batch that are needed, given its number in the epoch; every batch needs the same number of rows.
    /// Fails if a thread cannot be started.
    pub fn new(
        recipe: &Recipe,
        data: &'a Dataset,
        epoch: u32,
        done: u64,
        device: Device,
        rows: impl Fn(u32) -> Vec<usize>,
    ) -> Result<Self> {
        let batch_size = recipe.batch_size as usize;
        let batches = data.train.len() as u64 / u64::from(recipe.batch_size);
        let whole_order = order(recipe, &data.train.labels, epoch);
        let whole_repeats = repeats(&whole_order);
        let mut size = batch_size;
        let mut order = Vec::new();
        let mut repeats = Vec::new();
        for number in done..batches {
            let begin = number as usize * batch_size;
            let rows = rows(number as u32);
            size = rows.len();
            order.extend(rows.iter().map(|row| whole_order[begin + row]));
            repeats.extend(rows.iter().map(|row| whole_repeats[begin + row]));
        }
        let ids: Vec<u32> = order.iter().map(|&position| data.train.ids[position as usize]).collect();
        let draw = draw(recipe, data, device);
        let drawn = move |batch: usize| {
            let rows = batch * size..(batch + 1) * size;
            draw.batch(epoch, &ids[rows.clone()], &repeats[rows])
        };
        // On a GPU a thread draws ahead, so that the device does not wait for it; on the CPU all threads compute anyway.
        let workers = usize::from(device.is_cuda());
        let drawn = Loader::start(workers, (batches - done) as usize, drawn)?;
        Ok(Self { source: data.train.batches(order, size, device).zip(drawn), done, batches })
    }

    /// Batches that are still to come.
    pub fn left(&self) -> u64 {
        self.batches - self.done
    }

    /// The batches of one update: the next `count`, or those that are left.
    /// Fails if an image cannot be read any more.
    pub fn take(&mut self, count: u32) -> Result<Vec<TrainBatch>> {
        (0..self.left().min(u64::from(count))).map(|_| self.next()).collect()
    }

    fn next(&mut self) -> Result<TrainBatch> {
        let (batch, drawn) = self.source.next().context("the loader ended before its epoch")?;
        let number = self.done as u32;
        self.done += 1;
        Ok(TrainBatch { batch: batch?, number, drawn: drawn? })
    }
}
