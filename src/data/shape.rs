//! The one shape that every image of a data set gets, and its defaults.

use anyhow::{Result, ensure};
use rayon::prelude::*;

use super::{decode::Header, listing::Samples, progress::Progress};

/// The largest side that is chosen without being asked for.
const DEFAULT_SIZE_AT_MOST: u32 = 224;

/// Channels and size of every image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// 1 or 3.
    pub channels: u32,
    /// Pixels across and down.
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

    /// The shape asked for; what was not asked for is read from the headers of the training images:
    /// the size is their median shorter side, at most 224; the channels are 1 if all of them are grey, else 3.
    ///
    /// Headers that cannot be read are passed over here: reading the pixels reports those files.
    pub fn choose(size: Option<u32>, channels: Option<u32>, train: &Samples, progress: &dyn Progress) -> Result<Self> {
        if let (Some(size), Some(channels)) = (size, channels) {
            return Ok(Self { channels, size });
        }
        progress.begin("Reading headers of train", train.ids.len() as u64);
        let headers: Vec<Option<Header>> = train
            .ids
            .par_iter()
            .map(|&id| {
                let header = train.source.header(id).ok();
                progress.advance(1);
                header
            })
            .collect();
        progress.end();
        let headers: Vec<Header> = headers.into_iter().flatten().collect();
        Ok(Self {
            channels: channels.unwrap_or_else(|| default_channels(&headers)),
            size: size.unwrap_or_else(|| default_size(&headers)),
        })
    }
}

fn default_channels(headers: &[Header]) -> u32 {
    if headers.iter().all(|header| header.grey) { 1 } else { 3 }
}

/// Of an even number of sides the upper one of the two in the middle. Without any header the size does not matter: no
/// image will be read.
fn default_size(headers: &[Header]) -> u32 {
    let mut sides: Vec<u32> = headers.iter().map(|header| header.shorter_side).collect();
    sides.sort_unstable();
    sides.get(sides.len() / 2).map_or(1, |&side| side.min(DEFAULT_SIZE_AT_MOST))
}

/// A size or a number of channels that cannot be meant.
pub(super) fn check(size: Option<u32>, channels: Option<u32>) -> Result<()> {
    if let Some(size) = size {
        ensure!((1..=4096).contains(&size), "--img-size {size}: a side of 1 to 4096 pixels is possible");
    }
    if let Some(channels) = channels {
        ensure!(channels == 1 || channels == 3, "--in-chans {channels}: 1 (grey) and 3 (RGB) are possible");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(sides: &[u32], grey: bool) -> Vec<Header> {
        sides.iter().map(|&shorter_side| Header { shorter_side, grey }).collect()
    }

    #[test]
    fn the_median_side_is_chosen_up_to_224() {
        for (sides, size) in [(&[48, 48, 48][..], 48), (&[32, 500, 64], 64), (&[300, 400, 500], 224), (&[9], 9)] {
            assert_eq!(default_size(&headers(sides, true)), size);
        }
    }

    #[test]
    fn one_colour_image_makes_three_channels() {
        let mut images = headers(&[8, 8, 8], true);
        assert_eq!(default_channels(&images), 1);
        images[2].grey = false;
        assert_eq!(default_channels(&images), 3);
    }
}
