//! Reads every image of a split for the first time: hashes, pixel statistics, pixels to keep, and unreadable files.

use anyhow::{Context, Result};
use rayon::prelude::*;
use tch::{Device, Kind, Tensor};

use super::{
    decode::Header, decoded_image::DecodedImage, hash, pixel_statistics::PixelSums, resize, shape::Shape,
    sixteen_bit::SixteenBitValues,
};
use crate::data::{
    near_duplicates::thumbnail::Thumbnail,
    read_progress::ReadProgress,
    sources::{listing::Samples, source::Source, unreadable::BadFile},
};

/// Number of images decoded before they are copied into the tensor: enough to keep all cores busy, few enough to bound
/// memory.
const CHUNK: usize = 512;

/// One image in the shape that the network sees.
struct Loaded {
    /// Hash of the decoded pixels before resizing.
    pub hash: u128,
    /// `[channels, size, size]`
    pub pixels: Vec<u8>,
    pub sums: PixelSums,
    /// The values in the file, if they have 16 bits.
    pub sixteen_bit: Option<SixteenBitValues>,
    /// What the search for near-duplicates compares; none for an image without detail.
    pub thumbnail: Option<Thumbnail>,
}

/// Reads one sample. Its header is also returned if only the pixels cannot be read. The error does not name the sample.
fn load(source: &Source, id: u32, shape: Shape) -> (Option<Header>, Result<Loaded>) {
    let (image, sixteen_bit) = match source.stored(id) {
        Ok(stored) => (stored.image, stored.sixteen_bit),
        Err(error) => return (source.header(id).ok(), Err(error)),
    };
    let header = Header { shorter_side: image.width.min(image.height), grey: image.channels == 1 };
    let mut pixels = vec![0; shape.bytes()];
    let loaded = Thumbnail::of(&image).and_then(|thumbnail| {
        let hash = fit(image.into_channels(shape.channels), shape, &mut pixels)?;
        let sums = PixelSums::of(&pixels, shape);
        Ok(Loaded { hash, pixels, sums, sixteen_bit, thumbnail })
    });
    (Some(header), loaded)
}

/// Reads one sample into `pixels` `[channels, size, size]`, and returns the hash of the decoded pixels before resizing.
pub fn load_into(source: &Source, id: u32, shape: Shape, pixels: &mut [u8]) -> Result<u128> {
    fit(source.image(id, shape.channels)?, shape, pixels)
}

fn fit(image: DecodedImage, shape: Shape, pixels: &mut [u8]) -> Result<u128> {
    let hash = hash::pixels(&image);
    resize::fit_into(image, shape.size, pixels)?;
    Ok(hash)
}

/// The result of reading a split for the first time.
#[derive(Default)]
pub struct Reading {
    /// Positions of the readable samples, ascending.
    pub good: Vec<u32>,
    /// Pixel hashes of the readable samples.
    pub hashes: Vec<u128>,
    /// Pixels of the readable samples, `[n, channels, size, size]`, u8 on the CPU, if they are kept.
    pub pixels: Option<Tensor>,
    /// Sums over the pixels of the readable samples.
    pub sums: PixelSums,
    /// Values of the 16-bit samples; empty if the samples were read at an earlier start.
    pub sixteen_bit: SixteenBitValues,
    /// The unreadable samples.
    pub bad: Vec<BadFile>,
    /// All readable headers; empty if the samples were read at an earlier start.
    pub headers: Vec<Header>,
    /// What the search for near-duplicates compares, for each readable sample; empty if the samples were read at an earlier
    /// start.
    pub thumbnails: Vec<Option<Thumbnail>>,
}

/// Reads all of `samples` on all cores. `keep` keeps the pixels in memory.
pub fn read(name: &str, samples: &Samples, shape: Shape, keep: bool, progress: &dyn ReadProgress) -> Result<Reading> {
    let n = samples.ids.len();
    let pixels = keep
        .then(|| empty(n, shape).context("the images cannot be kept in memory; lower `options.cache_limit`"))
        .transpose()?;
    let mut reading = Reading { pixels, ..Reading::default() };
    progress.begin(&format!("Reading {name}"), n as u64);
    for first in (0..n).step_by(CHUNK) {
        let ids = &samples.ids[first..n.min(first + CHUNK)];
        let load = |&id: &u32| {
            let loaded = load(&samples.source, id, shape);
            progress.advance(1);
            loaded
        };
        let (headers, loaded): (Vec<_>, Vec<_>) = ids.par_iter().map(load).unzip();
        reading.headers.extend(headers.into_iter().flatten());
        let names = |i: usize| samples.source.name(ids[i]);
        reading.add(first as u32, loaded, names, shape)?;
    }
    progress.end();
    // The tensor has a place for each sample; those of unreadable ones are left over at its end.
    reading.pixels = reading.pixels.map(|pixels| pixels.f_narrow(0, 0, reading.good.len() as i64)).transpose()?;
    Ok(reading)
}

impl Reading {
    /// Adds loaded samples, which begin at position `first`.
    fn add(
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
                    self.thumbnails.push(image.thumbnail);
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

/// Allocates a tensor for `n` images, u8 on the CPU.
pub fn empty(n: usize, shape: Shape) -> Result<Tensor> {
    Tensor::f_empty(shape.of(n), (Kind::Uint8, Device::Cpu))
        .with_context(|| format!("no memory for {n} images of {} bytes", shape.bytes()))
}

/// Copies consecutive images into a tensor `[n, channels, size, size]`, u8 on the CPU.
pub fn tensor(images: &[u8], shape: Shape) -> Result<Tensor> {
    Ok(Tensor::f_from_data_size(images, &shape.of(images.len() / shape.bytes()), Kind::Uint8)?)
}
