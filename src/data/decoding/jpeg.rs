//! Decodes JPEG files with one pass over their headers. The crate `image` parses the headers again for size, orientation and
//! pixels, which dominates the work on small images; both use the same decoder.

use anyhow::{Context, Result, anyhow};
use image::{DynamicImage, GrayImage, RgbImage, metadata::Orientation};
use zune_jpeg::{
    JpegDecoder,
    zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions},
};

/// Decodes the image, and reads its orientation. Grey files stay grey, all others become RGB. `check` may refuse the width
/// and height before memory for pixels is allocated.
pub fn decode(bytes: &[u8], check: impl FnOnce(u32, u32) -> Result<()>) -> Result<(DynamicImage, Orientation)> {
    let options = DecoderOptions::default().set_strict_mode(false).set_max_width(usize::MAX).set_max_height(usize::MAX);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(|error| anyhow!("{error}")).context("the header is damaged")?;
    let (width, height) = decoder.dimensions().context("the header has no size")?;
    let (width, height) = (u32::try_from(width)?, u32::try_from(height)?);
    check(width, height)?;
    let grey = decoder.input_colorspace() == Some(ColorSpace::Luma);
    let stored = if grey { ColorSpace::Luma } else { ColorSpace::RGB };
    decoder.set_options(decoder.options().jpeg_set_out_colorspace(stored));
    let orientation = decoder.exif().and_then(|exif| Orientation::from_exif_chunk(exif));

    let mut pixels = vec![0; width as usize * height as usize * stored.num_components()];
    decoder.decode_into(&mut pixels).map_err(|error| anyhow!("{error}")).context("the pixels cannot be decoded")?;
    let image = if grey {
        GrayImage::from_raw(width, height, pixels).map(DynamicImage::ImageLuma8)
    } else {
        RgbImage::from_raw(width, height, pixels).map(DynamicImage::ImageRgb8)
    };
    Ok((image.context("the pixels are incomplete")?, orientation.unwrap_or(Orientation::NoTransforms)))
}
