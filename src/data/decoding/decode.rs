//! Decodes image files. No file can crash the program.
//!
//! - The content, not the name, decides the format: JPEG, PNG, BMP, PNM, TIFF, WebP, GIF. Errors name other formats
//!   (`unsupported_format`).
//! - The first frame of an animation is used. Palettes are looked up, CMYK becomes RGB, alpha is dropped.
//! - 16-bit samples are scaled by the range that the data set uses (`sixteen_bit`). While that is unknown, the high byte is
//!   used, as Pillow does for 16-bit RGB (for 16-bit grey Pillow clips at 255, which turns most such images white).
//! - The EXIF orientation is applied, as image viewers do. torchvision ignores it, so that portrait photos are rotated
//!   there.
//! - A file is an error if it is cut off, claims more than [`MAX_PIXELS`], or makes the decoder panic.

use std::{
    fs::{self, File},
    io::{Cursor, Read},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use image::{
    DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, RgbImage, metadata::Orientation,
};

use super::{
    decoded_image::DecodedImage,
    jpeg,
    palette::{self, Indexed},
    png_metadata,
    sixteen_bit::{Range, SixteenBitValues},
    truncation, unsupported_format,
};
use crate::data::panic_message::panic_message;

/// Formats that are read.
pub const FORMATS: [ImageFormat; 7] = [
    ImageFormat::Jpeg,
    ImageFormat::Png,
    ImageFormat::Bmp,
    ImageFormat::Pnm,
    ImageFormat::Tiff,
    ImageFormat::WebP,
    ImageFormat::Gif,
];
/// Largest number of pixels of an image. A header that claims more is refused before memory is allocated.
pub const MAX_PIXELS: u64 = 100_000_000;
/// Largest number of bytes that a decoder may allocate: enough for [`MAX_PIXELS`] in 16-bit RGBA.
const MAX_ALLOCATION: u64 = 1 << 30;
/// Largest size of an image file in bytes.
const MAX_FILE: u64 = 1 << 30;

/// Size and colour from a file's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Length of the shorter side in pixels. The EXIF orientation does not change it.
    pub shorter_side: u32,
    /// Whether the file has one channel of colour. A palette always counts as colour.
    pub grey: bool,
}

/// A decoded image in the channels of its file.
pub struct StoredImage {
    /// The upright image at its own size, in 1 channel if the file is grey, else in 3.
    pub image: DecodedImage,
    /// Whether the EXIF orientation turned or mirrored the image.
    pub is_turned: bool,
    /// The values in the file, if they have 16 bits.
    pub sixteen_bit: Option<SixteenBitValues>,
}

/// Reads only the header.
pub fn header(path: &Path) -> Result<Header> {
    let bytes = read(path)?;
    guarded(|| {
        let indexed = palette::indexed(&bytes);
        let decoder = open(indexed.as_ref().map_or(&bytes, |indexed| &indexed.file))?;
        let (width, height) = decoder.dimensions();
        Ok(Header { shorter_side: width.min(height), grey: indexed.is_none() && !decoder.color_type().has_color() })
    })
}

/// Decodes a file into `channels` (1 or 3), upright, at its own size; 16-bit values are scaled by `range`.
/// Fails if the file cannot be read, is no regular file, no image, cut off, or too large. The message does not name it.
pub fn file(path: &Path, channels: u32, range: Range) -> Result<DecodedImage> {
    Ok(stored(path, range)?.image.into_channels(channels))
}

/// Decodes a file into its own channels (1 or 3), upright, at its own size; 16-bit values are scaled by `range`.
/// Fails like [`file()`].
pub fn stored(path: &Path, range: Range) -> Result<StoredImage> {
    let bytes = read(path)?;
    guarded(|| decode(&bytes, range))
}

/// Reads a file, without the metadata that [`png_metadata`] removes. Anything but a regular file is refused without opening
/// it: opening a FIFO would wait for its writer.
fn read(path: &Path) -> Result<Vec<u8>> {
    let kind = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if path.is_symlink() => return Err(error).context("the link leads nowhere"),
        Err(error) => return Err(error).context("the file cannot be reached"),
    };
    ensure!(!kind.is_dir(), "it is a folder, not a file");
    ensure!(kind.is_file(), "it is not a regular file but a pipe, a socket or a device");
    ensure!(kind.len() > 0, "the file is empty");
    ensure!(kind.len() <= MAX_FILE, "the file holds {} bytes; {MAX_FILE} are the limit", kind.len());
    let mut bytes = Vec::with_capacity(kind.len() as usize);
    File::open(path).and_then(|file| file.take(MAX_FILE).read_to_end(&mut bytes)).context("the file cannot be read")?;
    Ok(png_metadata::without_metadata(bytes))
}

/// Creates a decoder, which reads the header, and checks the size.
fn open(bytes: &[u8]) -> Result<impl ImageDecoder> {
    let format = format(bytes)?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_ALLOCATION);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(|error| match error {
        ImageError::Unsupported(_) => anyhow!("it is a kind of {format:?} that is not read ({error}); convert it"),
        error => anyhow!(error).context("the header is damaged"),
    })?;
    let (width, height) = decoder.dimensions();
    check_size(width, height)?;
    Ok(decoder)
}

fn check_size(width: u32, height: u32) -> Result<()> {
    ensure!(width > 0 && height > 0, "the header says {width}×{height} pixels");
    ensure!(
        u64::from(width) * u64::from(height) <= MAX_PIXELS,
        "the header says {width}×{height} pixels; {} megapixels are the limit",
        MAX_PIXELS / 1_000_000
    );
    Ok(())
}

/// Detects the format of a file.
/// Fails if the format is not read.
fn format(bytes: &[u8]) -> Result<ImageFormat> {
    let guessed = image::guess_format(bytes).ok().filter(|format| FORMATS.contains(format));
    // A camera's raw image may begin like a TIFF, of which only a small preview would be read.
    let kind = unsupported_format::kind(bytes).filter(|_| guessed.is_none_or(|format| format == ImageFormat::Tiff));
    if let Some(kind) = kind {
        bail!("it is {kind}, which is not read; an image can be converted to JPEG or PNG");
    }
    guessed.with_context(|| {
        let start = &bytes[..bytes.len().min(16)];
        format!(
            "the content is not JPEG, PNG, BMP, PNM, TIFF, WebP or GIF; it begins with \"{}\"",
            start.escape_ascii()
        )
    })
}

fn decode(bytes: &[u8], range: Range) -> Result<StoredImage> {
    use DynamicImage::*;
    let (mut image, orientation) = decode_as_stored(bytes)?;
    image.apply_orientation(orientation);
    let (width, height) = (image.width(), image.height());
    let stored_channels = usize::from(image.color().channel_count());
    let colours = if stored_channels <= 2 { 1 } else { 3 };
    let (samples, sixteen_bit) = match image {
        ImageLuma8(_) | ImageLumaA8(_) | ImageRgb8(_) | ImageRgba8(_) => (image.into_bytes(), None),
        ImageLuma16(image) => scaled(&image.into_raw(), stored_channels, colours, range),
        ImageLumaA16(image) => scaled(&image.into_raw(), stored_channels, colours, range),
        ImageRgb16(image) => scaled(&image.into_raw(), stored_channels, colours, range),
        ImageRgba16(image) => scaled(&image.into_raw(), stored_channels, colours, range),
        other => bail!("its samples are of the kind {:?}; 8-bit and 16-bit integers are read", other.color()),
    };
    let image = DecodedImage::from_samples(width, height, samples, stored_channels, colours as u32);
    Ok(StoredImage { image, is_turned: orientation != Orientation::NoTransforms, sixteen_bit })
}

/// Decodes the pixels in the type and channels of the file, and reads the orientation, which is not applied yet.
fn decode_as_stored(bytes: &[u8]) -> Result<(DynamicImage, Orientation)> {
    if let Ok(ImageFormat::Jpeg) = image::guess_format(bytes) {
        return jpeg::decode(bytes, |width, height| {
            check_size(width, height)?;
            truncation::check(ImageFormat::Jpeg, bytes)
        });
    }
    if let Some(Indexed { file, colours }) = palette::indexed(bytes) {
        let (indices, orientation) = pixels_and_orientation(open(&file)?)?;
        let indices = indices.into_luma8();
        let (width, height) = indices.dimensions();
        let pixels = indices.iter().flat_map(|&index| colours[usize::from(index)]).collect();
        let image = RgbImage::from_raw(width, height, pixels).context("the pixels are incomplete")?;
        return Ok((DynamicImage::ImageRgb8(image), orientation));
    }
    let decoder = open(bytes)?;
    truncation::check(format(bytes)?, bytes)?;
    pixels_and_orientation(decoder)
}

fn pixels_and_orientation(mut decoder: impl ImageDecoder) -> Result<(DynamicImage, Orientation)> {
    let orientation = decoder.orientation().context("the orientation cannot be read")?;
    Ok((DynamicImage::from_decoder(decoder).context("the pixels cannot be decoded")?, orientation))
}

/// Scales 16-bit samples to bytes by `range`, and collects the values of their `colours` channels. Alpha, which is dropped
/// later, does not count.
fn scaled(samples: &[u16], channels: usize, colours: usize, range: Range) -> (Vec<u8>, Option<SixteenBitValues>) {
    let values = samples.chunks_exact(channels).flat_map(|pixel| pixel[..colours].iter().copied());
    (samples.iter().map(|&value| range.byte(value)).collect(), Some(SixteenBitValues::of(values)))
}

/// Turns a panic into an error. The decoder's state is dropped with it, so that no partial result remains visible.
fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|panic| bail!("the decoder panicked: {}", panic_message(panic.as_ref())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error_with_its_message() {
        let message = |work: fn() -> Result<()>| guarded(work).unwrap_err().to_string();
        assert_eq!(message(|| panic!("index {} is out of range", 7)), "the decoder panicked: index 7 is out of range");
        assert_eq!(message(|| panic!("no table")), "the decoder panicked: no table");
        assert_eq!(message(|| bail!("an error stays an error")), "an error stays an error");
    }
}
