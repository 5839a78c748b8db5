//! The common shape of all images of a data set, and its defaults.

use anyhow::{Result, ensure};
use rayon::prelude::*;

use super::decode::Header;
use crate::data::{read_progress::ReadProgress, sources::listing::Samples};

/// Largest default side.
const DEFAULT_SIZE_AT_MOST: u32 = 224;
/// Number of images whose headers a guess uses.
const GUESSED_FROM: usize = 64;

/// Channels and size of every image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// 1 or 3.
    pub channels: u32,
    /// Side in pixels.
    pub size: u32,
}

impl Shape {
    /// `[n, channels, size, size]`
    pub fn of(self, n: usize) -> [i64; 4] {
        [n as i64, i64::from(self.channels), i64::from(self.size), i64::from(self.size)]
    }

    /// Bytes of one image.
    pub fn bytes(self) -> usize {
        self.channels as usize * (self.size as usize).pow(2)
    }

    /// Chooses the shape: the values that are asked for, else values from the headers of the training images. The default
    /// size is their median shorter side, at most 224; the default channels are 1 if all images are grey, else 3.
    ///
    /// Headers that cannot be read are skipped: reading the pixels reports those files.
    pub fn choose(asked: Asked, train: &Samples, progress: &dyn ReadProgress) -> Self {
        if let Some(shape) = asked.shape() {
            return shape;
        }
        progress.begin("Reading headers of train", train.ids.len() as u64);
        let header = |&id: &u32| {
            let header = train.source.header(id).ok();
            progress.advance(1);
            header
        };
        let headers: Vec<Header> = train.ids.par_iter().filter_map(header).collect();
        progress.end();
        Self::of_headers(asked, &headers)
    }

    /// Guesses the result of [`Self::choose`] from a few training images; None if they disagree. With a guess, all images
    /// can be read at once and their headers checked afterwards, instead of reading each file twice.
    pub fn guess(asked: Asked, train: &Samples) -> Option<Self> {
        let n = train.ids.len();
        let some = (0..n).step_by(n.div_ceil(GUESSED_FROM).max(1)).map(|position| train.ids[position]);
        let header = |id| {
            let header = train.source.header(id).ok()?;
            Some(Self::of_headers(asked, &[header]))
        };
        asked.shape().or_else(|| {
            let mut shapes = some.map(header);
            let first = shapes.next()??;
            shapes.all(|shape| shape == Some(first)).then_some(first)
        })
    }

    /// Chooses the shape by `headers`.
    pub fn of_headers(asked: Asked, headers: &[Header]) -> Self {
        let Asked { size, channels } = asked;
        Self {
            channels: channels.unwrap_or_else(|| if headers.iter().all(|header| header.grey) { 1 } else { 3 }),
            size: size.unwrap_or_else(|| default_size(headers)),
        }
    }
}

/// The parts of the shape that the user asks for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked {
    pub size: Option<u32>,
    pub channels: Option<u32>,
}

impl Asked {
    /// The shape, if both parts are asked for.
    fn shape(self) -> Option<Shape> {
        let (size, channels) = self.size.zip(self.channels)?;
        Some(Shape { channels, size })
    }
}

/// The median of the shorter sides, the upper one for an even number, at most 224. Without any header the size does not
/// matter: no image will be read.
fn default_size(headers: &[Header]) -> u32 {
    let mut sides: Vec<u32> = headers.iter().map(|header| header.shorter_side).collect();
    sides.sort_unstable();
    sides.get(sides.len() / 2).map_or(1, |&side| side.min(DEFAULT_SIZE_AT_MOST))
}

/// Refuses an impossible size or number of channels.
pub fn check(size: Option<u32>, channels: Option<u32>) -> Result<()> {
    if let Some(size) = size {
        ensure!((1..=4096).contains(&size), "`options.img_size = {size}`: a side of 1 to 4096 pixels is possible");
    }
    if let Some(channels) = channels {
        ensure!(channels == 1 || channels == 3, "`options.in_chans = {channels}`: 1 (grey) and 3 (RGB) are possible");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_side_is_chosen_up_to_224() {
        for (sides, size) in [(&[48, 48, 48][..], 48), (&[32, 500, 64], 64), (&[300, 400, 500], 224), (&[9], 9)] {
            let headers: Vec<_> = sides.iter().map(|&shorter_side| Header { shorter_side, grey: true }).collect();
            assert_eq!(default_size(&headers), size);
        }
    }
}
