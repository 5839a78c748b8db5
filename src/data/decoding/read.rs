//! The first reading of every image: hashes, sums, pixels to keep, and who is broken.

use anyhow::{Context, Result};
use rayon::prelude::*;
use tch::{Device, Kind, Tensor};

use super::{
    decode::Header, decoded_image::DecodedImage, hash, pixel_statistics::PixelSums, resize, shape::Shape,
    sixteen_bit::SixteenBitValues,
};
use crate::data::{
    read_progress::ReadProgress,
    sources::{listing::Samples, source::Source, unreadable::BadFile},
};

/// Images decoded before they are copied into the tensor: enough to keep all cores busy, few enough to bound memory.
const AT_ONCE: usize = 512;

/// One image as the network sees it.
struct Loaded {
    /// Of the decoded pixels, before resizing.
    pub hash: u128,
    /// `[channels, size, size]`
    pub pixels: Vec<u8>,
    pub sums: PixelSums,
    /// Its values, if they have 16 bits.
    pub sixteen_bit: Option<SixteenBitValues>,
}

/// Reads one sample, and says what its header holds, also where its pixels cannot be read. The error does not name the
/// sample.
fn load(source: &Source, id: u32, shape: Shape) -> (Option<Header>, Result<Loaded>) {
    let (picture, sixteen_bit) = match source.stored(id) {
        Ok(stored) => (stored.picture, stored.sixteen_bit),
        Err(error) => return (source.header(id).ok(), Err(error)),
    };
    let header = Header { shorter_side: picture.width.min(picture.height), grey: picture.channels == 1 };
    let mut pixels = vec![0; shape.bytes()];
    let loaded = fit(picture.into_channels(shape.channels), shape, &mut pixels).map(|hash| {
        let sums = PixelSums::of(&pixels, shape);
        Loaded { hash, pixels, sums, sixteen_bit }
    });
    (Some(header), loaded)
}

/// Reads one sample into `pixels` `[channels, size, size]`; its hash is that of [`Loaded`].
pub fn load_into(source: &Source, id: u32, shape: Shape, pixels: &mut [u8]) -> Result<u128> {
    fit(source.picture(id, shape.channels)?, shape, pixels)
}

fn fit(picture: DecodedImage, shape: Shape, pixels: &mut [u8]) -> Result<u128> {
    let hash = hash::pixels(&picture);
    resize::fit_into(picture, shape.size, pixels)?;
    Ok(hash)
}

/// What the first reading of a split found.
pub struct Reading {
    /// Positions of the readable samples, ascending.
    pub good: Vec<u32>,
    /// Their pixel hashes.
    pub hashes: Vec<u128>,
    /// Their pixels `[n, channels, size, size]`, u8 on the CPU, if they were to be kept.
    pub pixels: Option<Tensor>,
    /// The sums of their pixels.
    pub sums: PixelSums,
    /// The values of those that have 16 bits; none where the samples were read at an earlier start.
    pub sixteen_bit: SixteenBitValues,
    /// The others.
    pub bad: Vec<BadFile>,
    /// All headers that can be read; none where the samples were read at an earlier start.
    pub headers: Vec<Header>,
}

/// Reads all of `samples` on all cores; `keep` keeps the pixels.
pub fn read(name: &str, samples: &Samples, shape: Shape, keep: bool, progress: &dyn ReadProgress) -> Result<Reading> {
    let n = samples.ids.len();
    let pixels = keep
        .then(|| empty(n, shape).context("the images cannot be kept in memory; lower --cache-limit"))
        .transpose()?;
    let (good, hashes, bad, headers) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut reading = Reading {
        good,
        hashes,
        pixels,
        sums: PixelSums::default(),
        sixteen_bit: SixteenBitValues::default(),
        bad,
        headers,
    };
    progress.begin(&format!("Reading {name}"), n as u64);
    for first in (0..n).step_by(AT_ONCE) {
        let ids = &samples.ids[first..n.min(first + AT_ONCE)];
        let load = |&id: &u32| {
            let loaded = load(&samples.source, id, shape);
            progress.advance(1);
            loaded
        };
        let (headers, loaded): (Vec<_>, Vec<_>) = ids.par_iter().map(load).unzip();
        reading.headers.extend(headers.into_iter().flatten());
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
        loaded: Vec<Result<Loaded>>,
        names: impl Fn(usize) -> String,
        shape: Shape,
    ) -> Result<()> {
        let before = self.good.len();
        let mut bytes = Vec::new();
        for (i, image) in loaded.into_iter().enumerate() {
            match image {
                Ok(image) => {
                    self.good.push(first + i as u32);
                    self.hashes.push(image.hash);
                    self.sums.add(&image.sums);
                    self.sixteen_bit.add(&image.sixteen_bit.unwrap_or_default());
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
pub fn empty(n: usize, shape: Shape) -> Result<Tensor> {
    Tensor::f_empty(shape.of(n), (Kind::Uint8, Device::Cpu))
        .with_context(|| format!("no memory for {n} images of {} bytes", shape.bytes()))
}

/// Images that lie one after the other, as `[n, channels, size, size]`, u8 on the CPU (a copy).
pub fn tensor(images: &[u8], shape: Shape) -> Result<Tensor> {
    Ok(Tensor::f_from_data_size(images, &shape.of(images.len() / shape.bytes()), Kind::Uint8)?)
}
