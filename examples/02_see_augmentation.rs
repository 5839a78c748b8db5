//! Draws what each augmentation knob does to generated faces, with the library: recipe, data, augmentation.
//!
//! ```text
//! cargo run --release --example 02_see_augmentation [FILE.png]
//! ```
//!
//! Expect one line per row of a contact sheet, by default `augmentation.png`: first the plain faces, then the same faces
//! under one knob after the other, at a visible strength, and last under several together.

use anyhow::{Context, Result, ensure};
use image::{GrayImage, Luma, imageops};
use mindgap::{
    augment::{Augment, ImageSize, Mix, Normalize},
    data::{self, Dataset, NoProgress, Options},
    recipe::{Aa, Border, Recipe},
};
use tch::{Device, Kind, Tensor};

/// Faces in a row.
const FACES: usize = 12;
/// Pixels between two faces, before enlargement.
const GUTTER: u32 = 2;
/// How many times each pixel is enlarged.
const ENLARGED: u32 = 2;

fn rows() -> Vec<(&'static str, Recipe)> {
    let plain = Recipe::default;
    let usual = Recipe {
        hflip: 0.5,
        rotate: 12.0,
        translate: 0.08,
        zoom: [0.9, 1.1],
        color_jitter: vec![0.2],
        reprob: 0.25,
        ..plain()
    };
    vec![
        ("plain", plain()),
        ("hflip = 1", Recipe { hflip: 1.0, ..plain() }),
        ("rotate = 30, border reflects", Recipe { rotate: 30.0, ..plain() }),
        ("rotate = 30, border of zeros", Recipe { rotate: 30.0, border: Border::Zero, ..plain() }),
        ("translate = 0.3", Recipe { translate: 0.3, ..plain() }),
        ("zoom = [0.6, 1.4]", Recipe { zoom: [0.6, 1.4], ..plain() }),
        ("scale = [0.3, 0.8]", Recipe { scale: [0.3, 0.8], ..plain() }),
        ("crop_pad = 6, border of zeros", Recipe { crop_pad: 6, border: Border::Zero, ..plain() }),
        ("color_jitter = [0.6] (brightness)", Recipe { color_jitter: vec![0.6, 0.0], ..plain() }),
        ("color_jitter = [0, 0.9] (contrast)", Recipe { color_jitter: vec![0.0, 0.9], ..plain() }),
        ("blur = 1", Recipe { blur: 1.0, ..plain() }),
        ("reprob = 1", Recipe { reprob: 1.0, ..plain() }),
        ("aa = trivial", Recipe { aa: Aa::Trivial, ..plain() }),
        ("mixup = 1", Recipe { mixup: 1.0, ..plain() }),
        ("cutmix = 1", Recipe { cutmix: 1.0, ..plain() }),
        ("the usual ones together", usual),
    ]
}

fn main() -> Result<()> {
    let file = std::env::args().nth(1).unwrap_or_else(|| "augmentation.png".into());
    let data = data::open("faces", &Options::default(), &NoProgress)?;
    ensure!(data.channels == 1, "the sheet is grey");
    let positions = (0..FACES as u32).collect();
    let batch = data.train.batches(positions, FACES, Device::Cpu).next().context("faces has images")??;
    let ids: Vec<u32> = batch.positions.iter().map(|position| data.train.ids[*position as usize]).collect();
    let normalize = Normalize::new(&data.mean, &data.std, Device::Cpu);

    let mut sheet = Sheet::new(data.size, rows().len() as u32);
    for (row, (name, recipe)) in rows().into_iter().enumerate() {
        let mut images = Augment::new(&recipe, &normalize).forward(&batch.images, 1, &ids);
        if let Some(mix) = Mix::draw(&recipe, 1, 0, FACES, ImageSize::of(&images)) {
            let targets = batch.labels.one_hot(data.classes.len() as i64).to_kind(Kind::Float);
            (images, _) = mix.apply(&images, &targets);
        }
        sheet.draw(row as u32, &bytes(&images, &data))?;
        println!("row {:2}: {name}", row + 1);
    }
    sheet.save(&file)?;
    println!("{file}");
    Ok(())
}

/// Normalised images as bytes again.
fn bytes(images: &Tensor, data: &Dataset) -> Tensor {
    let unit = images * f64::from(data.std[0]) + f64::from(data.mean[0]);
    (unit * 255.0).round().clamp(0.0, 255.0).to_kind(Kind::Uint8)
}

/// A grid of images on a white background.
struct Sheet {
    canvas: GrayImage,
    /// Pixels of an image's side.
    side: u32,
}

impl Sheet {
    fn new(side: u32, rows: u32) -> Self {
        let pitch = side + GUTTER;
        let (width, height) = (FACES as u32 * pitch + GUTTER, rows * pitch + GUTTER);
        Self { canvas: GrayImage::from_pixel(width, height, Luma([255])), side }
    }

    /// Images `[n, 1, side, side]`, uint8.
    fn draw(&mut self, row: u32, images: &Tensor) -> Result<()> {
        for column in 0..images.size()[0] {
            let pixels = Vec::<u8>::try_from(images.get(column).contiguous().view(-1))?;
            let face = GrayImage::from_raw(self.side, self.side, pixels).context("an image has its own size")?;
            let place = |number: u32| i64::from(GUTTER + number * (self.side + GUTTER));
            imageops::replace(&mut self.canvas, &face, place(column as u32), place(row));
        }
        Ok(())
    }

    fn save(&self, file: &str) -> Result<()> {
        let (width, height) = self.canvas.dimensions();
        imageops::resize(&self.canvas, width * ENLARGED, height * ENLARGED, imageops::FilterType::Nearest)
            .save(file)
            .with_context(|| format!("{file} cannot be written"))
    }
}
