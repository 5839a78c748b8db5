//! What is left of an epoch over the training images.

use anyhow::{Context, Result};
use tch::Device;

use super::order::{order, repeats};
use crate::{
    data::{Batch, Batches, Dataset},
    recipe::Recipe,
};

/// The batches of an epoch that are still to come, and their numbers in it.
pub(super) struct EpochBatches<'a> {
    source: Batches<'a>,
    /// How often the epoch has shown each image of them before.
    repeats: Vec<u32>,
    /// Images in what is handed over as a batch.
    size: usize,
    /// Batches that were handed over before these began.
    begun: u64,
    /// Batches handed over, those included.
    done: u64,
    /// Batches in the whole epoch.
    batches: u64,
}

/// A batch, its number in the epoch (from 0), and how often the epoch has shown each of its images before.
pub(super) type Taken = (Batch, u32, Vec<u32>);

/// Which rows of a batch are needed, given its number in the epoch; as many for each batch.
pub(super) type Rows<'a> = &'a dyn Fn(u32) -> Vec<usize>;

impl<'a> EpochBatches<'a> {
    /// The batches of `epoch` (from 1) after the first `done`, or `rows` alone of each; an incomplete last batch is
    /// dropped.
    pub fn new(recipe: &Recipe, data: &'a Dataset, epoch: u32, done: u64, device: Device, rows: Option<Rows>) -> Self {
        let batch_size = recipe.batch_size as usize;
        let batches = data.train.len() as u64 / u64::from(recipe.batch_size);
        let mut order = order(recipe, &data.train.labels, epoch);
        order.truncate(batches as usize * batch_size);
        let mut repeats = repeats(&order);
        // What was seen before a stop is not seen again.
        order.drain(..done as usize * batch_size);
        repeats.drain(..done as usize * batch_size);
        let mut size = batch_size;
        if let Some(rows) = rows {
            let chosen: Vec<Vec<usize>> = (done..batches).map(|number| rows(number as u32)).collect();
            size = chosen.first().map_or(size, Vec::len);
            let pick = |column: &[u32]| -> Vec<u32> {
                let batches = column.chunks(batch_size).zip(&chosen);
                batches.flat_map(|(batch, rows)| rows.iter().map(|&row| batch[row])).collect()
            };
            (order, repeats) = (pick(&order), pick(&repeats));
        }
        Self { source: data.train.batches(order, size, device), repeats, size, begun: done, done, batches }
    }

    /// Batches that are still to come.
    pub fn left(&self) -> u64 {
        self.batches - self.done
    }

    /// The next `count` batches, or those that are left: what one update is made of.
    ///
    /// # Errors
    /// One of their images cannot be read any more.
    pub fn take(&mut self, count: u32) -> Result<Vec<Taken>> {
        (0..self.left().min(u64::from(count))).map(|_| self.next()).collect()
    }

    /// The next batch.
    ///
    /// # Errors
    /// An image cannot be read any more, or no batch is left.
    fn next(&mut self) -> Result<Taken> {
        let batch = self.source.next().context("the loader ended before its epoch")??;
        let number = self.done;
        self.done += 1;
        let first = (number - self.begun) as usize * self.size;
        Ok((batch, number as u32, self.repeats[first..][..self.size].to_vec()))
    }
}
