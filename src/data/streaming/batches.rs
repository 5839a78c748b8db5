//! Iterates over the images of a split in batches on the device.

use std::{sync::Arc, thread, time::Duration};

use anyhow::{Context, Result, anyhow, bail, ensure};
use tch::{Device, Kind, Tensor};

use super::loader::Loader;
use crate::data::{
    decoding::{
        read::{empty, load_into},
        shape::Shape,
    },
    sources::source::Source,
    splits::split::{Pixels, Split},
};
use crate::torch;

/// Pauses before each further attempt to read an image: network drives have short outages.
const PAUSES: [Duration; 3] = [Duration::from_millis(100), Duration::from_secs(1), Duration::from_secs(4)];

/// A batch of images of a split.
#[derive(Debug)]
pub struct Batch {
    /// `[n, c, h, w]`, u8, on the device.
    pub images: Tensor,
    /// `[n]`, i64, on the device.
    pub labels: Tensor,
    /// Positions of the images in the split.
    pub positions: Vec<u32>,
}

/// The batches of one pass; see [`Split::batches`].
pub struct Batches<'a> {
    split: &'a Split,
    order: Vec<u32>,
    batch_size: usize,
    device: Device,
    /// Number of positions already returned.
    done: usize,
    /// Created with the first batch.
    supply: Option<Supply>,
}

/// Source of the images.
enum Supply {
    /// All images of the split, on the device.
    Resident(Tensor),
    /// Batches that are decoded ahead.
    Streamed(Loader<Tensor>),
}

impl Split {
    /// Iterates over the images at the positions `order` in batches of `batch_size` on `device`; the last batch holds the
    /// rest.
    ///
    /// Resident and streamed splits give the same bytes in the same order for any number of loader threads.
    ///
    /// # Errors
    /// The last item is an error if an image vanished or changed since the data set was opened (the message names it), a
    /// loader thread panicked, or the device lacks memory.
    pub fn batches(&self, order: Vec<u32>, batch_size: usize, device: Device) -> Batches<'_> {
        Batches { split: self, order, batch_size, device, done: 0, supply: None }
    }
}

impl Batches<'_> {
    fn batch(&mut self) -> Result<Batch> {
        if self.supply.is_none() {
            self.supply = Some(self.start()?);
        }
        let end = self.order.len().min(self.done + self.batch_size);
        let positions = self.order[self.done..end].to_vec();
        let labels: Vec<i64> =
            positions.iter().map(|&position| i64::from(self.split.labels[position as usize])).collect();
        let (images, labels) = match &mut self.supply {
            Some(Supply::Resident(all)) => {
                let index: Vec<i64> = positions.iter().map(|&position| i64::from(position)).collect();
                let numbers = vec![Tensor::f_from_slice(&index)?, Tensor::f_from_slice(&labels)?];
                let [index, labels] = <[Tensor; 2]>::try_from(torch::PackedTensors::new(numbers, self.device)?.send()?)
                    .map_err(|_| anyhow!("the transfer to the device lost a tensor"))?;
                (all.f_index_select(0, &index)?, labels)
            }
            Some(Supply::Streamed(batches)) => {
                let images = batches.next().context("the loader ended before its last batch")??;
                let labels = torch::send(&Tensor::f_from_slice(&labels)?, self.device)?;
                (torch::send_beside(&images, self.device)?, labels)
            }
            None => bail!("no images were set up"),
        };
        self.done = end;
        Ok(Batch { images, labels, positions })
    }

    fn start(&self) -> Result<Supply> {
        let split = self.split;
        ensure!(self.batch_size > 0, "a batch of 0 images was asked for");
        if let Some(position) = self.order.iter().find(|&&position| position as usize >= split.len()) {
            bail!("position {position} lies outside a split of {} images", split.len());
        }
        match &split.pixels {
            Pixels::Resident(pixels) => {
                let here = pixels.borrow().f_to_device_(self.device, Kind::Uint8, false, false).with_context(|| {
                    format!("{} images do not fit on {:?}; lower `options.cache_limit`", split.len(), self.device)
                })?;
                *pixels.borrow_mut() = here.shallow_clone();
                Ok(Supply::Resident(here))
            }
            &Pixels::Streamed { workers } => {
                let (source, shape, size) = (Arc::clone(&split.source), split.shape, self.batch_size);
                let device = self.device;
                let wanted = |&position: &u32| (split.ids[position as usize], split.hashes[position as usize]);
                let wanted: Vec<(u32, u128)> = self.order.iter().map(wanted).collect();
                let decode = move |batch: usize| {
                    let samples = &wanted[batch * size..wanted.len().min((batch + 1) * size)];
                    let mut images = empty(samples.len(), shape)?;
                    let places = torch::bytes_mut(&mut images).chunks_exact_mut(shape.bytes());
                    for (&(id, hash), place) in samples.iter().zip(places) {
                        load_again(&source, id, hash, shape, place)?;
                    }
                    torch::pinned(images, device)
                };
                Ok(Supply::Streamed(Loader::start(workers, self.order.len().div_ceil(size), decode)?))
            }
        }
    }
}

impl Iterator for Batches<'_> {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done == self.order.len() {
            return None;
        }
        let batch = self.batch();
        if batch.is_err() {
            self.done = self.order.len();
        }
        Some(batch)
    }
}

/// Decodes a sample, which must be unchanged since it was read first, into its place; retries a few times.
///
/// A sample that stays unreadable ends the pass even with `skip_bad`: order, random draws, figures and fingerprint of a run
/// belong to the set that it began with, and a set that shrinks during the run could not be reproduced or compared.
fn load_again(source: &Source, id: u32, expected: u128, shape: Shape, place: &mut [u8]) -> Result<()> {
    let mut attempt = || -> Result<()> {
        let hash = load_into(source, id, shape, place)?;
        ensure!(hash == expected, "its pixels are not those that were read at the start");
        Ok(())
    };
    let mut found = attempt();
    for pause in PAUSES {
        if found.is_err() {
            thread::sleep(pause);
            found = attempt();
        }
    }
    found.with_context(|| {
        format!(
            "{} changed or vanished during the run ({} attempts); restore it and resume, or begin a new run without it",
            source.name(id),
            1 + PAUSES.len()
        )
    })
}
