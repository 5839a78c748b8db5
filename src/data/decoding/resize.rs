//! From a picture of any size to the square that the network sees.
//!
//! The policy is torchvision's `Resize(size)` and `CenterCrop(size)`: the shorter side is resized to `size`, bilinear
//! with antialiasing, the longer one in proportion (rounded down), and the middle is cut out. A picture that already is
//! `size`×`size` keeps its bytes. Pixels beyond the square are lost, at both ends of the longer side alike.

use std::cell::RefCell;

use anyhow::{Context, Result, ensure};
use fast_image_resize::{
    FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer,
    images::{Image, ImageRef},
};

use super::{decode::MAX_PIXELS, decoded_image::DecodedImage};

thread_local! {
    /// Keeps its tables and rows from picture to picture.
    static RESIZER: RefCell<Resizer> = RefCell::new(Resizer::new());
}

/// The picture resized and cropped: `[channels, size, size]`.
pub fn fit(picture: DecodedImage, size: u32) -> Result<Vec<u8>> {
    let mut planes = vec![0; picture.channels as usize * (size as usize).pow(2)];
    fit_into(picture, size, &mut planes)?;
    Ok(planes)
}

/// The same, into `planes`, which are as many bytes as that takes.
pub fn fit_into(picture: DecodedImage, size: u32, planes: &mut [u8]) -> Result<()> {
    cut(&resize(picture, size)?, size, planes);
    Ok(())
}

fn resize(picture: DecodedImage, size: u32) -> Result<DecodedImage> {
    let (shorter, longer) = (picture.width.min(picture.height), picture.width.max(picture.height));
    if shorter == size {
        return Ok(picture);
    }
    let long = u64::from(size) * u64::from(longer) / u64::from(shorter);
    // A strip of 1×1,000,000 pixels would grow to 224×224,000,000.
    ensure!(
        long * u64::from(size) <= MAX_PIXELS,
        "{}×{} pixels are too elongated to be resized to a shorter side of {size}",
        picture.width,
        picture.height
    );
    let (width, height) = if picture.width < picture.height { (size, long as u32) } else { (long as u32, size) };

    scale(&picture, width, height)
}

/// The picture with its longer side at most `side` pixels, its proportions kept.
pub fn shrink(picture: DecodedImage, side: u32) -> Result<DecodedImage> {
    let longer = picture.width.max(picture.height);
    if longer <= side {
        return Ok(picture);
    }
    let scaled = |length: u32| (u64::from(length) * u64::from(side)).div_ceil(u64::from(longer)) as u32;
    scale(&picture, scaled(picture.width), scaled(picture.height))
}

/// The picture at `width`×`height`, bilinear with antialiasing.
pub fn scale(picture: &DecodedImage, width: u32, height: u32) -> Result<DecodedImage> {
    let pixel = if picture.channels == 1 { PixelType::U8 } else { PixelType::U8x3 };
    let source = ImageRef::new(picture.width, picture.height, &picture.pixels, pixel)?;
    let mut target = Image::new(width, height, pixel);
    // Convolution widens the filter when it shrinks: that is the antialiasing, as in Pillow.
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    RESIZER
        .with_borrow_mut(|resizer| resizer.resize(&source, &mut target, &options))
        .context("the picture cannot be resized")?;
    Ok(DecodedImage { width, height, channels: picture.channels, pixels: target.into_vec() })
}

/// The middle `size`×`size` pixels, into one plane after the other.
fn cut(picture: &DecodedImage, size: u32, planes: &mut [u8]) {
    let (left, top) = (margin(picture.width, size) as usize, margin(picture.height, size) as usize);
    let (channels, width, size) = (picture.channels as usize, picture.width as usize, size as usize);
    let rows =
        picture.pixels.chunks_exact(width * channels).skip(top).map(|row| &row[left * channels..][..size * channels]);
    if channels == 1 {
        planes.chunks_exact_mut(size).zip(rows).for_each(|(to, row)| to.copy_from_slice(row));
        return;
    }
    let (red, others) = planes.split_at_mut(size * size);
    let (green, blue) = others.split_at_mut(size * size);
    let planes = red.chunks_exact_mut(size).zip(green.chunks_exact_mut(size)).zip(blue.chunks_exact_mut(size));
    for (((red, green), blue), row) in planes.zip(rows) {
        for (((red, green), blue), pixel) in red.iter_mut().zip(green).zip(blue).zip(row.chunks_exact(3)) {
            (*red, *green, *blue) = (pixel[0], pixel[1], pixel[2]);
        }
    }
}

/// Pixels cut off before the middle: half of the excess, a half pixel rounded to the even number as Python's `round`
/// does.
fn margin(side: u32, size: u32) -> u32 {
    let excess = side - size;
    let down = excess / 2;
    down + (excess % 2) * (down % 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(width: u32, height: u32, channels: u32) -> DecodedImage {
        let pixels = (0..width * height * channels).map(|i| (i * 37 % 251) as u8).collect();
        DecodedImage { width, height, channels, pixels }
    }

    #[test]
    fn a_square_of_the_right_size_keeps_its_bytes() {
        let grey = ramp(48, 48, 1);
        assert_eq!(fit(grey.clone(), 48).unwrap(), grey.pixels);
        let colour = ramp(2, 2, 3);
        let p = &colour.pixels;
        let planar = vec![p[0], p[3], p[6], p[9], p[1], p[4], p[7], p[10], p[2], p[5], p[8], p[11]];
        assert_eq!(fit(colour.clone(), 2).unwrap(), planar);
    }

    #[test]
    fn the_middle_is_kept() {
        // Columns 0 to 4 of a picture one pixel high; torchvision's crop of 5 to 2 starts at round(1.5) = 2.
        let strip = DecodedImage { width: 5, height: 2, channels: 1, pixels: vec![0, 1, 2, 3, 4, 5, 6, 7, 8, 9] };
        assert_eq!(fit(strip, 2).unwrap(), [2, 3, 7, 8]);
        assert_eq!([0, 1, 2, 3, 4, 5, 7].map(|excess| margin(10 + excess, 10)), [0, 0, 1, 2, 2, 2, 4]);
    }

    #[test]
    fn a_strip_that_would_grow_out_of_bounds_is_refused() {
        let strip = DecodedImage { width: 1_000_000, height: 1, channels: 1, pixels: vec![0; 1_000_000] };
        let message = fit(strip, 224).unwrap_err().to_string();
        assert!(message.contains("1000000×1 pixels are too elongated"), "{message}");
    }
}
