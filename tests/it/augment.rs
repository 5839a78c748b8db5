//! Geometry, colour, tones and blur are torchvision's: the same pixels from the same numbers.

use std::f64::consts::TAU;

use mindgap::{
    augment::{ColourFactors, ImageSize, Map, Rect, Tone, adjust, change_tones, gaussian_blur, move_pixels, resample},
    recipe::Border,
};
use serde::Deserialize;
use tch::{Kind, Tensor};

const SIZE: ImageSize = ImageSize { height: 10, width: 12 };

/// One image of scripts/golden/geometry.py.
#[derive(Deserialize)]
struct Case {
    change: Change,
    channels: i64,
    pixels: Vec<f32>,
}

/// What was done to it.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Change {
    Affine { flip: bool, angle: f64, shift: [f64; 2], zoom: f64, border: Border },
    ResizedCrop { left: i64, top: i64, width: i64, height: i64 },
    PadCrop { flip: bool, left: i64, top: i64, border: Border },
    Colour { brightness: Option<f64>, contrast: Option<f64>, saturation: Option<f64>, hue: Option<f64> },
    Blur { sigma: f64 },
    Shear { shear: [f64; 2] },
    Sharpness { factor: f64 },
    Posterize { bits: u32 },
    Solarize { threshold: f64 },
    Autocontrast { low: f64, high: f64 },
    Equalize { times: i64 },
}

/// `image` of the script, `[1, c, 10, 12]`.
fn image(channels: i64) -> Tensor {
    let pixel = |i: i64| 0.5 + 0.5 * ((0.61803398875 * i as f64 + 0.002 * (i * i) as f64) % TAU).sin();
    let pixels: Vec<f64> = (0..channels * SIZE.height * SIZE.width).map(pixel).collect();
    Tensor::from_slice(&pixels).to_kind(Kind::Float).view([1, channels, SIZE.height, SIZE.width])
}

/// The first of two images changed, the second left alone: each has numbers of its own.
fn change(change: &Change, images: Tensor) -> Tensor {
    let whole = Map::identity(SIZE);
    match *change {
        Change::Affine { flip, angle, shift, zoom, border } => {
            resample(&images, &[Map { flip, angle, shift, zoom, ..whole }, whole], border)
        }
        Change::ResizedCrop { left, top, width, height } => {
            let crop = Rect { left, top, width, height };
            resample(&images, &[Map { crop, ..whole }, whole], Border::Zero)
        }
        Change::PadCrop { flip, left, top, border } => {
            let map = Map { flip, crop: Rect { left, top, ..whole.crop }, ..whole };
            move_pixels(&images, &[map, whole], border)
        }
        Change::Colour { brightness, contrast, saturation, hue } => {
            let factors = ColourFactors {
                brightness: brightness.unwrap_or(1.0),
                contrast: contrast.unwrap_or(1.0),
                saturation: saturation.unwrap_or(1.0),
                hue: hue.unwrap_or(0.0),
            };
            adjust(images, &[factors, ColourFactors::IDENTITY])
        }
        Change::Blur { sigma } => gaussian_blur(images, &[sigma, 0.0]),
        Change::Shear { shear } => resample(&images, &[Map { shear, ..whole }, whole], Border::Zero),
        Change::Sharpness { factor } => tones(images, Tone { sharpness: factor, ..Tone::IDENTITY }),
        Change::Posterize { bits } => tones(images, Tone { posterize: Some(bits), ..Tone::IDENTITY }),
        Change::Solarize { threshold } => tones(images, Tone { solarize: Some(threshold), ..Tone::IDENTITY }),
        Change::Autocontrast { low, high } => {
            let squeezed = low + (high - low) * images.narrow(0, 0, 1);
            let both = Tensor::cat(&[&squeezed, &images.narrow(0, 1, 1)], 0);
            tones(both, Tone { autocontrast: true, ..Tone::IDENTITY })
        }
        Change::Equalize { times } => {
            let beside = images.repeat([1, 1, 1, times]);
            tones(beside, Tone { equalize: true, ..Tone::IDENTITY }).narrow(3, 0, SIZE.width)
        }
    }
}

/// The first of two images changed by `tone`.
fn tones(images: Tensor, tone: Tone) -> Tensor {
    change_tones(images, &[tone, Tone::IDENTITY])
}

#[test]
fn pixels_equal_torchvisions_from_the_same_numbers() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../golden/geometry.json")).unwrap();
    assert!(cases.len() > 50);
    for case in cases {
        let image = image(case.channels);
        let changed = change(&case.change, Tensor::cat(&[&image, &image], 0));
        let expected = Tensor::from_slice(&case.pixels).view_as(&image);
        let off = |index, expected: &Tensor| (changed.narrow(0, index, 1) - expected).abs().max().double_value(&[]);
        let (error, neighbour) = (off(0, &expected), off(1, &image));
        assert!(error < 1e-5, "{:?} on {} channels is {error} off", case.change, case.channels);
        assert!(neighbour < 1e-5, "{:?} reached the other image: {neighbour}", case.change);
    }
}

#[test]
fn whole_pixels_move_without_loss() {
    let images = image(3);
    let whole = Map::identity(SIZE);
    for border in [Border::Reflect, Border::Zero] {
        let there = move_pixels(&images, &[Map { flip: true, ..whole }], border);
        assert!(there.equal(&images.flip([3])));
        let down = move_pixels(&images, &[Map { vflip: true, ..whole }], border);
        assert!(down.equal(&images.flip([2])));
        let moved = move_pixels(&images, &[Map { crop: Rect { left: -3, top: 2, ..whole.crop }, ..whole }], border);
        assert!(moved.narrow(3, 3, 9).narrow(2, 0, 8).equal(&images.narrow(3, 0, 9).narrow(2, 2, 8)));
    }
}

#[test]
fn interpolation_and_whole_pixels_agree_on_flips_and_shifts_and_their_borders() {
    let images = image(1);
    let whole = Map::identity(SIZE);
    for border in [Border::Reflect, Border::Zero] {
        // Beyond the image's own width too: the reflection is reflected.
        for (flip, left, top) in [(true, 0, 0), (false, -4, 3), (true, 5, -9), (false, 17, -23)] {
            for vflip in [false, true] {
                let maps = [Map { flip, vflip, crop: Rect { left, top, ..whole.crop }, ..whole }];
                let (exact, sampled) = (move_pixels(&images, &maps, border), resample(&images, &maps, border));
                assert!(exact.allclose(&sampled, 1e-5, 1e-5, false), "{border:?} {maps:?}");
            }
        }
    }
}
