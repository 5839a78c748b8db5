//! From the bytes of an image file to its pixels, and no way for a file to take the program down.
//!
//! - The format is told from the content, not from the name: JPEG, PNG, BMP, PNM, TIFF, WebP, GIF. Other formats are
//!   named (`foreign`).
//! - Of an animation the first frame counts. Palettes are looked up, CMYK becomes RGB, alpha is dropped.
//! - 16-bit samples are scaled by the range that the data set uses (`depth`). Where none is known they keep their high
//!   byte, as Pillow does for 16-bit RGB (for 16-bit grey it clips at 255, which makes most such images white).
//! - The EXIF orientation is applied: it is how cameras say which side is up, and every viewer heeds it. torchvision does
//!   not, so a portrait photo lies on its side there.
//! - A file that is cut off is an error, as are one that claims more than [`MAX_PIXELS`] and one on which the decoder
//!   panics.

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

/// The formats that are read.
const FORMATS: [ImageFormat; 7] = [
    ImageFormat::Jpeg,
    ImageFormat::Png,
    ImageFormat::Bmp,
    ImageFormat::Pnm,
    ImageFormat::Tiff,
    ImageFormat::WebP,
    ImageFormat::Gif,
];
/// Pixels that an image may claim at most; a larger claim is refused by the header, before any memory is taken.
pub const MAX_PIXELS: u64 = 100_000_000;
/// Bytes that a decoder may allocate at most: enough for [`MAX_PIXELS`] in 16-bit RGBA.
const MAX_ALLOCATION: u64 = 1 << 30;
/// Bytes that an image file may hold at most.
const MAX_FILE: u64 = 1 << 30;

/// What a file's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The shorter side in pixels; a turn by the EXIF orientation does not change it.
    pub shorter_side: u32,
    /// Stored with one channel of colour. A palette counts as colour, whatever it holds.
    pub grey: bool,
}

/// A whole picture as its file holds it.
pub struct StoredImage {
    /// Upright, at its own size, in 1 channel if the file is grey, else in 3.
    pub picture: DecodedImage,
    /// Whether the EXIF orientation turned or mirrored it.
    pub is_turned: bool,
    /// The values that the file holds, if they have 16 bits.
    pub sixteen_bit: Option<SixteenBitValues>,
}

/// Reads the header alone.
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
///
/// # Errors
/// The file cannot be read, is no regular file, no image, not whole, or too large. The message does not name the file.
pub fn file(path: &Path, channels: u32, range: Range) -> Result<DecodedImage> {
    Ok(stored(path, range)?.picture.into_channels(channels))
}

/// Decodes a file into the channels that it has itself; otherwise as [`file()`].
pub fn stored(path: &Path, range: Range) -> Result<StoredImage> {
    let bytes = read(path)?;
    guarded(|| decode(&bytes, range))
}

/// The whole file, but for what [`extras`] leaves out. Anything but a regular file is refused unopened: opening a FIFO
/// would wait for its writer.
fn read(path: &Path) -> Result<Vec<u8>> {
    let kind = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if path.is_symlink() => return Err(error).context("the link leads nowhere"),
        Err(error) => return Err(error).context("the file cannot be reached"),
    };
    ensure!(!kind.is_dir(), "it is a folder, not a file");
    ensure!(kind.is_file(), "it is no regular file but a pipe, a socket or a device");
    ensure!(kind.len() > 0, "the file is empty");
    ensure!(kind.len() <= MAX_FILE, "the file holds {} bytes; {MAX_FILE} are the limit", kind.len());
    let mut bytes = Vec::with_capacity(kind.len() as usize);
    File::open(path).and_then(|file| file.take(MAX_FILE).read_to_end(&mut bytes)).context("the file cannot be read")?;
    Ok(png_metadata::left_out(bytes))
}

/// A decoder that has read the header and found the size within bounds.
fn open(bytes: &[u8]) -> Result<impl ImageDecoder> {
    let format = format(bytes)?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_ALLOCATION);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(|error| match error {
        ImageError::Unsupported(_) => anyhow!("it is a kind of {format:?} that is not read ({error}); save it anew"),
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

/// The format of a file, if it is one that is read.
fn format(bytes: &[u8]) -> Result<ImageFormat> {
    let guessed = image::guess_format(bytes).ok().filter(|format| FORMATS.contains(format));
    // A camera's raw image may begin as a TIFF does, of which only a small preview would be read.
    let kind = unsupported_format::kind(bytes).filter(|_| guessed.is_none_or(|format| format == ImageFormat::Tiff));
    if let Some(kind) = kind {
        bail!("it is {kind}, which is not read; an image can be converted to JPEG or PNG");
    }
    guessed.with_context(|| {
        let start = &bytes[..bytes.len().min(16)];
        format!("the content is no JPEG, PNG, BMP, PNM, TIFF, WebP or GIF; it begins with \"{}\"", start.escape_ascii())
    })
}

fn decode(bytes: &[u8], range: Range) -> Result<StoredImage> {
    let (mut image, orientation) = if let Ok(ImageFormat::Jpeg) = image::guess_format(bytes) {
        jpeg::decode(bytes, |width, height| {
            check_size(width, height)?;
            truncation::check(ImageFormat::Jpeg, bytes)
        })?
    } else if let Some(Indexed { file, colours }) = palette::indexed(bytes) {
        let mut decoder = open(&file)?;
        let orientation = decoder.orientation().context("the orientation cannot be read")?;
        let numbers = DynamicImage::from_decoder(decoder).context("the pixels cannot be decoded")?.into_luma8();
        let (width, height) = numbers.dimensions();
        let pixels = numbers.iter().flat_map(|&number| colours[usize::from(number)]).collect();
        let image = RgbImage::from_raw(width, height, pixels).context("the pixels are incomplete")?;
        (DynamicImage::ImageRgb8(image), orientation)
    } else {
        let mut decoder = open(bytes)?;
        truncation::check(format(bytes)?, bytes)?;
        let orientation = decoder.orientation().context("the orientation cannot be read")?;
        (DynamicImage::from_decoder(decoder).context("the pixels cannot be decoded")?, orientation)
    };
    image.apply_orientation(orientation);

    let (width, height) = (image.width(), image.height());
    let stored = usize::from(image.color().channel_count());
    let colours = if stored <= 2 { 1 } else { 3 };
    // Alpha is dropped, so that its values are none of the picture's.
    let mut sixteen_bit = None;
    let mut scaled = |samples: Vec<u16>| -> Vec<u8> {
        let pixels = samples.chunks_exact(stored);
        sixteen_bit = Some(SixteenBitValues::of(pixels.flat_map(|pixel| pixel[..colours].iter().copied())));
        samples.into_iter().map(|value| range.byte(value)).collect()
    };
    let samples = match image {
        DynamicImage::ImageLuma8(image) => image.into_raw(),
        DynamicImage::ImageLumaA8(image) => image.into_raw(),
        DynamicImage::ImageRgb8(image) => image.into_raw(),
        DynamicImage::ImageRgba8(image) => image.into_raw(),
        DynamicImage::ImageLuma16(image) => scaled(image.into_raw()),
        DynamicImage::ImageLumaA16(image) => scaled(image.into_raw()),
        DynamicImage::ImageRgb16(image) => scaled(image.into_raw()),
        DynamicImage::ImageRgba16(image) => scaled(image.into_raw()),
        other => bail!("its samples are of the kind {:?}; 8-bit and 16-bit integers are read", other.color()),
    };
    let picture = DecodedImage::from_samples(width, height, samples, stored, colours as u32);
    Ok(StoredImage { picture, is_turned: orientation != Orientation::NoTransforms, sixteen_bit })
}

/// Turns a panic into an error. The decoder's state is gone with it, so nothing half-done is seen again.
fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        bail!("the decoder panicked: {}", words.unwrap_or("it gave no reason"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_with_its_words() {
        let message = |work: fn() -> Result<()>| guarded(work).unwrap_err().to_string();
        assert_eq!(message(|| panic!("index {} is out of range", 7)), "the decoder panicked: index 7 is out of range");
        assert_eq!(message(|| panic!("no table")), "the decoder panicked: no table");
        assert_eq!(message(|| bail!("an error stays an error")), "an error stays an error");
    }
}
