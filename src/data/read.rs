//! The first reading of every image: hashes, sums, pixels to keep, and who is broken.

use anyhow::{Context, Result};
use rayon::prelude::*;
use tch::{Device, Kind, Tensor};

use super::{
    bad::BadFile, hash, listing::Samples, progress::Progress, shape::Shape, source::Source, sums::Sums, transform,
};

/// Images decoded before they are copied into the tensor: enough to keep all cores busy, few enough to bound memory.
const AT_ONCE: usize = 512;

/// One image as the network sees it.
struct Loaded {
    /// Of the decoded pixels, before resizing.
    pub hash: u128,
    /// `[channels, size, size]`
    pub pixels: Vec<u8>,
}

/// Reads one sample. The error does not name it.
fn load(source: &Source, id: u32, shape: Shape) -> Result<Loaded> {
    let mut pixels = vec![0; shape.bytes()];
    Ok(Loaded { hash: load_into(source, id, shape, &mut pixels)?, pixels })
}

/// Reads one sample into `pixels` `[channels, size, size]`; its hash is that of [`Loaded`].
pub(super) fn load_into(source: &Source, id: u32, shape: Shape, pixels: &mut [u8]) -> Result<u128> {
    let picture = source.picture(id, shape.channels)?;
    let hash = hash::pixels(&picture);
    transform::fit_into(picture, shape.size, pixels)?;
    Ok(hash)
}

/// What the first reading of a split found.
pub(super) struct Reading {
    /// Positions of the readable samples, ascending.
    pub good: Vec<u32>,
    /// Their pixel hashes.
    pub hashes: Vec<u128>,
    /// Their pixels `[n, channels, size, size]`, u8 on the CPU, if they were to be kept.
    pub pixels: Option<Tensor>,
    /// The sums of their pixels.
    pub sums: Sums,
    /// The others.
    pub bad: Vec<BadFile>,
}

/// Reads all of `samples` on all cores; `keep` keeps the pixels.
pub(super) fn read(
    name: &str,
    samples: &Samples,
    shape: Shape,
    keep: bool,
    progress: &dyn Progress,
) -> Result<Reading> {
    let n = samples.ids.len();
    let pixels = keep
        .then(|| empty(n, shape).context("the images cannot be kept in memory; lower --cache-limit"))
        .transpose()?;
    let mut reading = Reading { good: Vec::new(), hashes: Vec::new(), pixels, sums: Sums::default(), bad: Vec::new() };
    progress.begin(&format!("Reading {name}"), n as u64);
    for first in (0..n).step_by(AT_ONCE) {
        let ids = &samples.ids[first..n.min(first + AT_ONCE)];
        let loaded: Vec<Result<(Loaded, Sums)>> = ids
            .par_iter()
            .map(|&id| {
                let image = load(&samples.source, id, shape);
                progress.advance(1);
                image.map(|image| {
                    let sums = Sums::of(&image.pixels, shape);
                    (image, sums)
                })
            })
            .collect();
        let names = |i: usize| samples.source.name(ids[i]);
        reading.take_in(first as u32, loaded, names, shape)?;
    }
    progress.end();
    // Bad files leave their places at the end unused.
    reading.pixels = reading.pixels.map(|pixels| pixels.f_narrow(0, 0, reading.good.len() as i64)).transpose()?;
    Ok(reading)
}

impl Reading {
    /// Adds the samples from position `first` on.
    fn take_in(
        &mut self,
        first: u32,
        loaded: Vec<Result<(Loaded, Sums)>>,
        names: impl Fn(usize) -> String,
        shape: Shape,
    ) -> Result<()> {
        let before = self.good.len();
        let mut bytes = Vec::new();
        for (i, image) in loaded.into_iter().enumerate() {
            match image {
                Ok((image, sums)) => {
                    self.good.push(first + i as u32);
                    self.hashes.push(image.hash);
                    self.sums.add(&sums);
                    if self.pixels.is_some() {
                        bytes.extend(image.pixels);
                    }
                }
                Err(error) => self.bad.push(BadFile { name: names(i), reason: format!("{error:#}"), line: None }),
            }
        }
        if let Some(pixels) = &self.pixels {
            let more = tensor(&bytes, shape)?;
            pixels.f_narrow(0, before as i64, more.size()[0])?.f_copy_(&more)?;
        }
        Ok(())
    }
}

/// Room for `n` images, u8 on the CPU.
pub(super) fn empty(n: usize, shape: Shape) -> Result<Tensor> {
    Tensor::f_empty(shape.of(n), (Kind::Uint8, Device::Cpu))
        .with_context(|| format!("no memory for {n} images of {} bytes", shape.bytes()))
}

/// Images that lie one after the other, as `[n, channels, size, size]`, u8 on the CPU (a copy).
pub(super) fn tensor(images: &[u8], shape: Shape) -> Result<Tensor> {
    Ok(Tensor::f_from_data_size(images, &shape.of(images.len() / shape.bytes()), Kind::Uint8)?)
}
