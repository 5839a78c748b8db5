//! A small grey picture of an image: all that the search for near-duplicates keeps of it.

use anyhow::Result;

use crate::data::decoding::{decoded_image::DecodedImage, resize};

/// Side of a thumbnail in pixels.
pub const SIDE: usize = 32;
/// Smallest side of an image that has a thumbnail, in pixels. A smaller one holds too little to be recognised after a
/// registration, which has six free numbers.
const SMALLEST: u32 = 16;

/// An image in grey, stretched to [`SIDE`]×[`SIDE`] pixels. Its two sides are scaled apart, since files of one photograph may
/// be cropped or stretched differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thumbnail(Box<[u8; SIDE * SIDE]>);

impl Thumbnail {
    /// Shrinks `image`, at the size of its file. None for an image with a side below 16 pixels, and for a blank one, whose
    /// registration to any other would succeed.
    /// Fails if the image cannot be resized.
    pub fn of(image: &DecodedImage) -> Result<Option<Self>> {
        if image.width.min(image.height) < SMALLEST {
            return Ok(None);
        }
        let grey = resize::scale(image, SIDE as u32, SIDE as u32)?.into_channels(1);
        if grey.is_blank() {
            return Ok(None);
        }
        Ok(grey.pixels.into_boxed_slice().try_into().ok().map(Self))
    }

    /// The grey values in rows, 0–255; each row from right to left where `is_mirrored`.
    pub fn values(&self, is_mirrored: bool) -> [[f32; SIDE]; SIDE] {
        let mut values = [[0.0; SIDE]; SIDE];
        for (row, pixels) in values.iter_mut().zip(self.0.as_chunks::<SIDE>().0) {
            for (value, &pixel) in row.iter_mut().zip(pixels) {
                *value = f32::from(pixel);
            }
            if is_mirrored {
                row.reverse();
            }
        }
        values
    }
}
