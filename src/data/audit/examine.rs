//! One look at every image of a split: what it is, and what is odd about it.

use anyhow::Result;
use rayon::prelude::*;

use super::{SplitName, perceptual_hash};
use crate::data::{
    decoding::{
        decode::StoredImage, decoded_image::DecodedImage, hash, pixel_statistics::PixelSums, resize, shape::Shape,
        sixteen_bit::SixteenBitValues,
    },
    read_progress::ReadProgress,
    sources::listing::Samples,
};

/// One readable image.
pub struct ExaminedImage {
    pub split: SplitName,
    /// Its sample id.
    pub id: u32,
    pub label: u32,
    pub properties: ImageProperties,
}

/// What an image is.
pub struct ImageProperties {
    /// Of its decoded pixels, as training hashes them.
    pub hash: u128,
    /// Its perceptual hash; none for a blank image.
    pub perceptual_hash: Option<u64>,
    /// Width and height, upright.
    pub size: (u32, u32),
    /// Whether all its channels are equal.
    pub is_grey: bool,
    /// Whether its pixels have a standard deviation below 1, in every channel.
    pub is_blank: bool,
    /// Whether the EXIF orientation turned or mirrored it.
    pub is_turned: bool,
    /// Of its pixels as training sees them.
    pub sums: PixelSums,
}

/// Looks at all of `samples` on all cores: the readable images, the ids of the others with what is wrong, and the values
/// of 16-bit images.
pub fn examine(
    split: SplitName,
    samples: &Samples,
    shape: Shape,
    progress: &dyn ReadProgress,
) -> (Vec<ExaminedImage>, Vec<(u32, String)>, SixteenBitValues) {
    progress.begin(&format!("Reading {split}"), samples.ids.len() as u64);
    let see = |(&id, &label): (&u32, &u32)| {
        let properties = samples.source.stored(id).and_then(|stored| look(stored, shape));
        progress.advance(1);
        properties
            .map(|(properties, sixteen_bit)| (ExaminedImage { split, id, label, properties }, sixteen_bit))
            .map_err(|error| (id, format!("{error:#}")))
    };
    let all: Vec<Result<(ExaminedImage, Option<SixteenBitValues>), _>> =
        samples.ids.par_iter().zip(&samples.labels).map(see).collect();
    progress.end();
    let (mut seen, mut broken, mut values) = (Vec::new(), Vec::new(), SixteenBitValues::default());
    for image in all {
        match image {
            Ok((image, sixteen_bit)) => {
                values.add(&sixteen_bit.unwrap_or_default());
                seen.push(image);
            }
            Err(reason) => broken.push(reason),
        }
    }
    (seen, broken, values)
}

fn look(
    StoredImage { picture, is_turned, sixteen_bit }: StoredImage,
    shape: Shape,
) -> Result<(ImageProperties, Option<SixteenBitValues>)> {
    let is_blank = is_blank(&picture);
    let perceptual_hash = if is_blank { None } else { Some(perceptual_hash::hash(&picture)?) };
    let size = (picture.width, picture.height);
    let is_grey = picture.channels == 1 || picture.pixels.chunks_exact(3).all(|rgb| rgb == [rgb[0]; 3]);
    let picture = picture.into_channels(shape.channels);
    let hash = hash::pixels(&picture);
    let sums = PixelSums::of(&resize::fit(picture, shape.size)?, shape);
    Ok((ImageProperties { hash, perceptual_hash, size, is_grey, is_blank, is_turned, sums }, sixteen_bit))
}

/// In integers: the standard deviation of n values is below 1 where n Σx² − (Σx)² < n².
fn is_blank(picture: &DecodedImage) -> bool {
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
        let blank = |channels, pixels: &[u8]| {
            is_blank(&DecodedImage { width: 2, height: 2, channels, pixels: pixels.to_vec() })
        };
        assert!(blank(1, &[7, 7, 7, 7]) && blank(1, &[6, 7, 7, 7]));
        // Of 6 and 8 the standard deviation is 1.
        assert!(!blank(1, &[6, 6, 8, 8]));
        assert!(blank(3, &[255, 0, 9, 255, 0, 9, 255, 0, 9, 255, 1, 9]));
        assert!(!blank(3, &[255, 0, 9, 255, 0, 9, 255, 90, 9, 255, 0, 9]));
    }
}
