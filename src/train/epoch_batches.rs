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
    /// How often the epoch has shown each of its images before, for all its images.
    repeats: Vec<u32>,
    batch_size: usize,
    /// Batches handed over, those before these began included.
    done: u64,
    /// Batches in the whole epoch.
    batches: u64,
}

impl<'a> EpochBatches<'a> {
    /// The batches of `epoch` (from 1) after the first `done`; an incomplete last one is dropped.
    pub fn new(recipe: &Recipe, data: &'a Dataset, epoch: u32, done: u64, device: Device) -> Self {
        let batch_size = recipe.batch_size as usize;
        let batches = data.train.len() as u64 / u64::from(recipe.batch_size);
        let mut order = order(recipe, &data.train.labels, epoch);
        order.truncate(batches as usize * batch_size);
        let repeats = repeats(&order);
        // What was seen before a stop is not seen again.
        order.drain(..done as usize * batch_size);
        Self { source: data.train.batches(order, batch_size, device), repeats, batch_size, done, batches }
    }

    /// Batches that are still to come.
    pub fn left(&self) -> u64 {
        self.batches - self.done
    }

    /// The next batch, its number in the epoch (from 0), and how often the epoch has shown each of its images before.
    ///
    /// # Errors
    /// An image cannot be read any more, or no batch is left.
    pub fn next(&mut self) -> Result<(Batch, u32, Vec<u32>)> {
        let batch = self.source.next().context("the loader ended before its epoch")??;
        let number = self.done as usize;
        self.done += 1;
        Ok((batch, number as u32, self.repeats[number * self.batch_size..][..self.batch_size].to_vec()))
    }
}
