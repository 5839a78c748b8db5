//! Resizes and crops images of any size to the square that the network sees.
//!
//! The policy is torchvision's `Resize(size)` and `CenterCrop(size)`: the shorter side is resized to `size`, bilinear
//! with antialiasing, the longer one in proportion (rounded down), and the middle is cut out. An image that already has
//! `size`×`size` pixels keeps its bytes. Equal margins at both ends of the longer side are lost.

use std::cell::RefCell;

use anyhow::{Context, Result, ensure};
use fast_image_resize::{
    FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer,
    images::{TypedImage, TypedImageRef},
    pixels::{InnerPixel, U8, U8x3},
};

use super::{decode::MAX_PIXELS, decoded_image::DecodedImage};

thread_local! {
    /// Reused for all images of a thread, since it caches tables and buffers.
    static RESIZER: RefCell<Resizer> = RefCell::new(Resizer::new());
}

/// Resizes and crops an image to `[channels, size, size]`.
pub fn fit(image: DecodedImage, size: u32) -> Result<Vec<u8>> {
    let mut planes = vec![0; image.channels as usize * (size as usize).pow(2)];
    fit_into(image, size, &mut planes)?;
    Ok(planes)
}

/// Resizes and crops an image into `planes` `[channels, size, size]`.
pub fn fit_into(image: DecodedImage, size: u32, planes: &mut [u8]) -> Result<()> {
    cut(&resize(image, size)?, size, planes);
    Ok(())
}

fn resize(image: DecodedImage, size: u32) -> Result<DecodedImage> {
    let (shorter, longer) = (image.width.min(image.height), image.width.max(image.height));
    if shorter == size {
        return Ok(image);
    }
    let long = u64::from(size) * u64::from(longer) / u64::from(shorter);
    // A strip of 1×1,000,000 pixels would grow to 224×224,000,000.
    ensure!(
        long * u64::from(size) <= MAX_PIXELS,
        "{}×{} pixels are too elongated to be resized to a shorter side of {size}",
        image.width,
        image.height
    );
    let (width, height) = if image.width < image.height { (size, long as u32) } else { (long as u32, size) };

    scale(&image, width, height)
}

/// Shrinks an image to a longer side of at most `side` pixels in proportion.
pub fn shrink(image: DecodedImage, side: u32) -> Result<DecodedImage> {
    let longer = image.width.max(image.height);
    if longer <= side {
        return Ok(image);
    }
    let scaled = |length: u32| (u64::from(length) * u64::from(side)).div_ceil(u64::from(longer)) as u32;
    scale(&image, scaled(image.width), scaled(image.height))
}

/// Scales an image to `width`×`height`, bilinear with antialiasing.
pub fn scale(image: &DecodedImage, width: u32, height: u32) -> Result<DecodedImage> {
    let mut scaled = DecodedImage {
        width,
        height,
        channels: image.channels,
        pixels: vec![0; width as usize * height as usize * image.channels as usize],
    };
    if image.channels == 1 {
        scale_into::<U8>(image, &mut scaled)?
    } else {
        scale_into::<U8x3>(image, &mut scaled)?
    }
    Ok(scaled)
}

/// Scales an image of pixels `P` to the size of `scaled`. The crate's function for images of any pixels would bring the code
/// for fourteen kinds of them into the program, a tenth of its size.
fn scale_into<P: PixelTrait + InnerPixel>(image: &DecodedImage, scaled: &mut DecodedImage) -> Result<()> {
    let source = TypedImageRef::<P>::from_buffer(image.width, image.height, &image.pixels)?;
    let mut target = TypedImage::<P>::from_buffer(scaled.width, scaled.height, &mut scaled.pixels)?;
    // Convolution widens the filter when it shrinks an image: this is the antialiasing, as in Pillow.
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    RESIZER
        .with_borrow_mut(|resizer| resizer.resize_typed(&source, &mut target, &options))
        .context("the image cannot be resized")
}

/// Copies the middle `size`×`size` pixels into consecutive planes.
fn cut(image: &DecodedImage, size: u32, planes: &mut [u8]) {
    let (left, top) = (margin(image.width, size) as usize, margin(image.height, size) as usize);
    let (channels, width, size) = (image.channels as usize, image.width as usize, size as usize);
    let rows =
        image.pixels.chunks_exact(width * channels).skip(top).map(|row| &row[left * channels..][..size * channels]);
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

/// Number of pixels cut off before the middle: half of the excess, with half pixels rounded to even like Python's `round`.
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
        // Columns 0 to 4 of an image one pixel high; torchvision's crop of 5 to 2 starts at round(1.5) = 2.
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
