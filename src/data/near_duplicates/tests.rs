//! Altered copies of generated photographs are found, and unlike images are not.

use std::io::Cursor;

use image::{ImageFormat, codecs::jpeg::JpegEncoder};

use super::{thumbnail::Thumbnail, *};
use crate::{
    data::{decoding::decoded_image::DecodedImage, read_progress::NoProgress, sources::faces},
    random::{Purpose, Stream},
};

/// Side of a photograph in pixels.
const SIDE: u32 = 96;

/// A photograph with the spectrum of natural images: waves of random direction, weaker the shorter they are.
fn photograph(number: u32) -> DecodedImage {
    let mut draws = Stream::new(0, Purpose::Faces, 0, number);
    let waves: Vec<[f64; 4]> = (0..120)
        .map(|_| {
            let (frequency, angle) = (1.0 + 14.0 * draws.uniform(), draws.range(0.0, std::f64::consts::TAU));
            [frequency * angle.cos(), frequency * angle.sin(), draws.range(0.0, std::f64::consts::TAU), 1.0 / frequency]
        })
        .collect();
    let value = |x: f64, y: f64| {
        waves
            .iter()
            .map(|[a, b, phase, size]| size * (std::f64::consts::TAU * (a * x + b * y) + phase).sin())
            .sum::<f64>()
    };
    let at = |i: u32| f64::from(i) / f64::from(SIDE);
    let pixels = (0..SIDE * SIDE).map(|i| (128.0 + 25.0 * value(at(i % SIDE), at(i / SIDE))) as u8).collect();
    DecodedImage { width: SIDE, height: SIDE, channels: 1, pixels }
}

/// The part of `image` that begins at `left` and `top` and has `width` and `height`.
fn cropped(image: &DecodedImage, [left, top, width, height]: [u32; 4]) -> DecodedImage {
    let at = |y, x| image.pixels[(y * image.width + x) as usize];
    let pixels = (top..top + height).flat_map(|y| (left..left + width).map(move |x| (y, x)));
    DecodedImage { width, height, channels: 1, pixels: pixels.map(|(y, x)| at(y, x)).collect() }
}

fn mirrored(image: &DecodedImage) -> DecodedImage {
    let pixels = image.pixels.chunks(image.width as usize).flat_map(|row| row.iter().rev()).copied().collect();
    DecodedImage { pixels, ..image.clone() }
}

fn compressed(image: &DecodedImage) -> DecodedImage {
    let mut file = Vec::new();
    JpegEncoder::new_with_quality(&mut file, 40)
        .encode(&image.pixels, image.width, image.height, image::ExtendedColorType::L8)
        .unwrap();
    let decoded = image::ImageReader::with_format(Cursor::new(file), ImageFormat::Jpeg).decode().unwrap();
    DecodedImage { pixels: decoded.into_luma8().into_raw(), ..image.clone() }
}

fn with_values(image: &DecodedImage, change: impl Fn(u8) -> f64) -> DecodedImage {
    DecodedImage { pixels: image.pixels.iter().map(|&value| change(value) as u8).collect(), ..image.clone() }
}

/// The pairs among `images`, whose hashes are their numbers.
fn pairs(images: &[DecodedImage]) -> Vec<(u32, u32)> {
    search(images, &(0..images.len() as u128).collect::<Vec<_>>(), None)
}

/// The pairs among `images` with these `hashes` and perhaps `features`.
fn search(images: &[DecodedImage], hashes: &[u128], features: Option<&[[f32; 40]]>) -> Vec<(u32, u32)> {
    let thumbnails: Vec<Option<Thumbnail>> = images.iter().map(|image| Thumbnail::of(image).unwrap()).collect();
    let mut searched = Vec::new();
    for (number, (&hash, thumbnail)) in hashes.iter().zip(&thumbnails).enumerate() {
        let features = features.map(|features| &features[number][..]);
        searched.push(Searched { hash, thumbnail: thumbnail.as_ref(), features });
    }
    let found = find(&searched, &NoProgress).pairs;
    assert!(found.iter().all(|pair| (0.0..=RESIDUAL).contains(&pair.residual)), "{found:?}");
    found.iter().map(|pair| (pair.a, pair.b)).collect()
}

#[test]
fn altered_copies_are_found_and_other_photographs_are_not() {
    type Change = fn(&DecodedImage) -> DecodedImage;
    let changes: [(&str, Change); 7] = [
        ("compressed", compressed),
        ("shifted", |image| cropped(image, [6, 3, 90, 93])),
        ("cropped", |image| cropped(image, [6, 6, 82, 82])),
        ("stretched", |image| cropped(image, [0, 8, 96, 80])),
        ("mirrored", mirrored),
        ("brighter", |image| with_values(image, |value| 60.0 + 0.6 * f64::from(value))),
        ("all of it", |image| {
            mirrored(&compressed(&cropped(&with_values(image, |v| 0.7 * f64::from(v)), [4, 2, 90, 90])))
        }),
    ];
    let photographs: Vec<DecodedImage> = (0..60).map(photograph).collect();
    let expected: Vec<(u32, u32)> = (0..60).map(|number| (number, number + 60)).collect();
    for (name, change) in changes {
        let found = pairs(&photographs.iter().cloned().chain(photographs.iter().map(change)).collect::<Vec<_>>());
        assert!(found.iter().all(|pair| expected.contains(pair)), "{name}: {found:?}");
        // The description of a photograph that loses a quarter of its area may be another one.
        assert!(found.len() >= 57, "{name}: {} of 60", found.len());
    }
}

#[test]
fn a_group_larger_than_the_candidates_of_an_image_is_found_whole() {
    let n = 2 * CANDIDATES as u32;
    let photograph = photograph(0);
    let crops: Vec<DecodedImage> = (0..n).map(|i| cropped(&photograph, [i % 6, i / 6, 88, 88])).collect();
    assert_eq!(pairs(&crops).len() as u32, n * (n - 1) / 2);
}

#[test]
fn generated_faces_of_different_people_are_not_near_duplicates() {
    let side = faces::SIZE as u32;
    let generated = faces::generate(0, 0, 1000);
    let images: Vec<DecodedImage> = generated
        .images
        .chunks((side * side) as usize)
        .map(|pixels| DecodedImage { width: side, height: side, channels: 1, pixels: pixels.to_vec() })
        .collect();
    assert_eq!(pairs(&images), []);
}

#[test]
fn clear_skies_and_blank_images_are_not_near_duplicates() {
    let sky = |number: u32| {
        let pixels = (0..SIDE * SIDE).map(|i| (150 + number + (30 + number) * (i / SIDE) / SIDE) as u8).collect();
        DecodedImage { width: SIDE, height: SIDE, channels: 1, pixels }
    };
    assert_eq!(pairs(&(0..20).map(sky).collect::<Vec<_>>()), []);
    assert_eq!(Thumbnail::of(&with_values(&photograph(0), |value| 90.0 + f64::from(value % 2))).unwrap(), None);
}

#[test]
fn of_equal_images_only_the_first_is_compared() {
    let images = [photograph(0), photograph(0), compressed(&photograph(0))];
    assert_eq!(search(&images, &[7, 7, 8], None), [(0, 2)]);
}

#[test]
fn features_of_a_network_add_candidates() {
    // Too strong a crop for the description of most photographs; their registration begins at the middle.
    let photographs: Vec<DecodedImage> = (0..40).map(photograph).collect();
    let images: Vec<DecodedImage> =
        photographs.iter().cloned().chain(photographs.iter().map(|image| cropped(image, [14, 14, 68, 68]))).collect();
    let features: Vec<[f32; 40]> =
        (0..80).map(|number| std::array::from_fn(|i| if i == number % 40 { 1.0 } else { 0.0 })).collect();
    let hashes: Vec<u128> = (0..80).collect();
    let (without, with) = (search(&images, &hashes, None), search(&images, &hashes, Some(&features)));
    assert!(without.iter().chain(&with).all(|(a, b)| *b == a + 40), "{without:?} {with:?}");
    assert!(with.len() > without.len(), "{with:?} with features, {without:?} without");
}
