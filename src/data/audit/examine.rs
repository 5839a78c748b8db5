//! Examines every image of a split: its hashes, size, colours and defects.

use anyhow::Result;
use rayon::prelude::*;

use super::SplitName;
use crate::data::{
    decoding::{
        decode::StoredImage, hash, pixel_statistics::PixelSums, resize, shape::Shape, sixteen_bit::SixteenBitValues,
    },
    near_duplicates::thumbnail::Thumbnail,
    read_progress::ReadProgress,
    sources::listing::Samples,
};

/// A readable image and what the examination found.
pub struct ExaminedImage {
    pub split: SplitName,
    /// Sample id.
    pub id: u32,
    pub label: u32,
    /// Group, where the images have groups.
    pub group: Option<u32>,
    pub properties: ImageProperties,
}

/// Properties of an image.
pub struct ImageProperties {
    /// Hash of the decoded pixels, equal to the one that training computes.
    pub hash: u128,
    /// What the search for near-duplicates compares; none for an image without detail.
    pub thumbnail: Option<Thumbnail>,
    /// Width and height of the upright image.
    pub size: (u32, u32),
    /// Whether all channels are equal.
    pub is_grey: bool,
    /// Whether the pixels have a standard deviation below 1 in every channel.
    pub is_blank: bool,
    /// Whether the EXIF orientation turned or mirrored it.
    pub is_turned: bool,
    /// Sums over the pixels in the shape that training uses.
    pub sums: PixelSums,
}

/// All images of a split after their examination.
pub struct ExaminedSplit {
    pub split: SplitName,
    pub readable: Vec<ExaminedImage>,
    /// Ids of the other samples, each with the reason why it cannot be read.
    pub unreadable: Vec<(u32, String)>,
    /// The values in use of 16-bit images.
    pub sixteen_bit: SixteenBitValues,
}

/// Examines all of `samples`, on all cores.
pub fn examine(split: SplitName, samples: &Samples, shape: Shape, progress: &dyn ReadProgress) -> ExaminedSplit {
    progress.begin(&format!("Reading {split}"), samples.ids.len() as u64);
    let examine_one = |position: usize| {
        let (id, label) = (samples.ids[position], samples.labels[position]);
        let group = samples.groups.as_ref().map(|groups| groups[position]);
        let found = samples.source.stored(id).and_then(|stored| properties_of(stored, shape));
        progress.advance(1);
        match found {
            Ok((properties, sixteen_bit)) => Ok((ExaminedImage { split, id, label, group, properties }, sixteen_bit)),
            Err(error) => Err((id, format!("{error:#}"))),
        }
    };
    let images: Vec<_> = (0..samples.ids.len()).into_par_iter().map(examine_one).collect();
    progress.end();
    let mut found =
        ExaminedSplit { split, readable: Vec::new(), unreadable: Vec::new(), sixteen_bit: SixteenBitValues::default() };
    for image in images {
        match image {
            Ok((image, sixteen_bit)) => {
                found.sixteen_bit.add(&sixteen_bit.unwrap_or_default());
                found.readable.push(image);
            }
            Err(unreadable) => found.unreadable.push(unreadable),
        }
    }
    found
}

fn properties_of(stored: StoredImage, shape: Shape) -> Result<(ImageProperties, Option<SixteenBitValues>)> {
    let StoredImage { image, is_turned, sixteen_bit } = stored;
    let is_blank = image.is_blank();
    let thumbnail = Thumbnail::of(&image)?;
    let size = (image.width, image.height);
    let is_grey = image.channels == 1 || image.pixels.chunks_exact(3).all(|rgb| rgb == [rgb[0]; 3]);
    let image = image.into_channels(shape.channels);
    let hash = hash::pixels(&image);
    let sums = PixelSums::of(&resize::fit(image, shape.size)?, shape);
    Ok((ImageProperties { hash, thumbnail, size, is_grey, is_blank, is_turned, sums }, sixteen_bit))
}
