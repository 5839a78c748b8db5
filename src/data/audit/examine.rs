//! One look at every image of a split: what it is, and what is odd about it.

use anyhow::Result;
use rayon::prelude::*;

use super::{SplitName, likeness};
use crate::data::{
    decoding::{
        decode::Stored, hash, picture::Picture, pixel_statistics::Sums, resize, shape::Shape, sixteen_bit::Values,
    },
    read_progress::Progress,
    sources::listing::Samples,
};

/// One readable image.
pub struct Seen {
    pub split: SplitName,
    /// Its sample id.
    pub id: u32,
    pub label: u32,
    pub looks: Looks,
}

/// What an image is.
pub struct Looks {
    /// Of its decoded pixels, as training hashes them.
    pub hash: u128,
    /// Its perceptual hash; none for a blank image.
    pub likeness: Option<u64>,
    /// Width and height, upright.
    pub size: (u32, u32),
    /// Whether all its channels are equal.
    pub is_grey: bool,
    /// Whether its pixels have a standard deviation below 1, in every channel.
    pub is_blank: bool,
    /// Whether the EXIF orientation turned or mirrored it.
    pub is_turned: bool,
    /// Of its pixels as training sees them.
    pub sums: Sums,
}

/// Looks at all of `samples` on all cores: the readable images, the ids of the others with what is wrong, and the values
/// of 16-bit images.
pub fn examine(
    split: SplitName,
    samples: &Samples,
    shape: Shape,
    progress: &dyn Progress,
) -> (Vec<Seen>, Vec<(u32, String)>, Values) {
    progress.begin(&format!("Reading {split}"), samples.ids.len() as u64);
    let see = |(&id, &label): (&u32, &u32)| {
        let looks = samples.source.stored(id).and_then(|stored| look(stored, shape));
        progress.advance(1);
        looks.map(|(looks, deep)| (Seen { split, id, label, looks }, deep)).map_err(|error| (id, format!("{error:#}")))
    };
    let all: Vec<Result<(Seen, Option<Values>), _>> = samples.ids.par_iter().zip(&samples.labels).map(see).collect();
    progress.end();
    let (mut seen, mut broken, mut values) = (Vec::new(), Vec::new(), Values::default());
    for image in all {
        match image {
            Ok((image, deep)) => {
                values.add(&deep.unwrap_or_default());
                seen.push(image);
            }
            Err(reason) => broken.push(reason),
        }
    }
    (seen, broken, values)
}

fn look(Stored { picture, is_turned, deep }: Stored, shape: Shape) -> Result<(Looks, Option<Values>)> {
    let is_blank = is_blank(&picture);
    let likeness = if is_blank { None } else { Some(likeness::hash(&picture)?) };
    let size = (picture.width, picture.height);
    let is_grey = picture.channels == 1 || picture.pixels.chunks_exact(3).all(|rgb| rgb == [rgb[0]; 3]);
    let picture = picture.into_channels(shape.channels);
    let hash = hash::pixels(&picture);
    let sums = Sums::of(&resize::fit(picture, shape.size)?, shape);
    Ok((Looks { hash, likeness, size, is_grey, is_blank, is_turned, sums }, deep))
}

/// In integers: the standard deviation of n values is below 1 where n Σx² − (Σx)² < n².
fn is_blank(picture: &Picture) -> bool {
    let channels = picture.channels as usize;
    (0..channels).all(|channel| {
        let values = || picture.pixels.iter().skip(channel).step_by(channels).map(|&value| u128::from(value));
        let n = (picture.pixels.len() / channels) as u128;
        let (sum, squares) = (values().sum::<u128>(), values().map(|value| value * value).sum::<u128>());
        n * squares - sum * sum < n * n
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_is_a_standard_deviation_below_1_in_every_channel() {
        let blank =
            |channels, pixels: &[u8]| is_blank(&Picture { width: 2, height: 2, channels, pixels: pixels.to_vec() });
        assert!(blank(1, &[7, 7, 7, 7]) && blank(1, &[6, 7, 7, 7]));
        // Of 6 and 8 the standard deviation is 1.
        assert!(!blank(1, &[6, 6, 8, 8]));
        assert!(blank(3, &[255, 0, 9, 255, 0, 9, 255, 0, 9, 255, 1, 9]));
        assert!(!blank(3, &[255, 0, 9, 255, 0, 9, 255, 90, 9, 255, 0, 9]));
    }
}
