//! Pixels are Pillow's. The expected ones were written by `scripts/golden/images.py`.

use super::*;
use crate::data::decoding::resize;

fn golden(name: &str, channels: u32) -> DecodedImage {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/images").join(name);
    decode::file(&path, channels, Range::FULL).unwrap()
}

fn largest_difference(a: &[u8], b: &[u8]) -> u8 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| a.abs_diff(*b)).max().unwrap()
}

/// The planes of an image that already has the right size.
fn planes(image: DecodedImage) -> Vec<u8> {
    let size = image.width;
    resize::fit(image, size).unwrap()
}

#[test]
fn grey_is_made_as_convert_l_makes_it() {
    assert_eq!(golden("photo.png", 1), golden("photo_grey.png", 1));
}

#[test]
fn resizing_is_within_one_of_pillows_antialiased_bilinear() {
    for (size, name) in [(17, "photo_17.png"), (64, "photo_64.png")] {
        let fitted = resize::fit(golden("photo.png", 3), size).unwrap();
        assert!(largest_difference(&fitted, &planes(golden(name, 3))) <= 1, "{name}");
    }
}

#[test]
fn palettes_are_looked_up_and_animations_give_their_first_frame() {
    assert_eq!(golden("palette.png", 3), golden("palette_rgb.png", 3));
    assert_eq!(golden("animated.png", 3), golden("animated_rgb.png", 3));
    assert_eq!(golden("animated.webp", 3), golden("animated_rgb.png", 3));
}

#[test]
fn cmyk_becomes_rgb() {
    let (ours, pillows) = (golden("cmyk.jpg", 3), golden("cmyk_rgb.png", 3));
    assert!(largest_difference(&ours.pixels, &pillows.pixels) <= 2);
}

#[test]
fn an_image_stored_sideways_is_turned_upright() {
    assert_eq!(golden("sideways.png", 1), golden("sideways_grey.png", 1));
}

#[test]
fn sixteen_bits_keep_their_high_byte() {
    let samples: Vec<u16> = (0..64).map(|i| i * 1000 + 255).collect();
    let high: Vec<u8> = samples.iter().map(|sample| (sample >> 8) as u8).collect();
    let sixteen_bit = DynamicImage::ImageLuma16(image::ImageBuffer::from_raw(8, 8, samples).unwrap());
    for format in [ImageFormat::Png, ImageFormat::Tiff, ImageFormat::Pnm] {
        assert_eq!(decode("sixteen_bit", &encode(&sixteen_bit, format)).unwrap().0.pixels, high, "{format:?}");
    }
}
