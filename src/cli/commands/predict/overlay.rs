//! `--cam`: an overlay of each image that shows which regions support the predicted class.
//!
//! The overlay shows the image in the shape that the network sees, enlarged if it is small, under its Grad-CAM map: a
//! region with a warmer and brighter colour supports the class more, and a neutral region keeps the colours of the image.
//! Each map is scaled by its own maximum, so that the strengths of two overlays cannot be compared.

use std::{
    fs,
    io::Cursor,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use image::{ImageFormat, RgbImage};
use tch::{Kind, Tensor};

use mindgap::{data::ImageFile, durable, torch};

/// Smallest width and height of an overlay \[pixels\].
const LEAST: i64 = 224;
/// Opacity of the strongest region.
const OPACITY: f64 = 0.65;
/// Largest number of characters of a file's own name in the name of its overlay.
const STEM: usize = 40;

/// Equally spaced colours of the map "inferno" (van der Walt and Smith, matplotlib): from black over purple and orange to
/// yellow. Its lightness rises evenly, so that larger values look larger, also in grey and to colour-blind people.
const COLOURS: [[u8; 3]; 9] = [
    [0, 0, 4],
    [33, 12, 74],
    [87, 16, 110],
    [138, 34, 106],
    [188, 55, 84],
    [228, 90, 49],
    [249, 142, 9],
    [249, 203, 53],
    [252, 255, 164],
];

/// Writes overlays into a folder.
pub struct Overlays {
    folder: PathBuf,
    force: bool,
    /// 256 colours `[256, 3]`, 0–1.
    palette: Tensor,
}

impl Overlays {
    /// Creates `folder` if it does not exist. With `force` it may contain files, and those with the same names are replaced.
    /// Fails if the folder is not empty and `force` is not set, or if it cannot be created.
    pub fn new(folder: &Path, force: bool) -> Result<Self> {
        let failure = || format!("--cam {}: the folder cannot be used", folder.display());
        fs::create_dir_all(folder).with_context(failure)?;
        let is_empty = fs::read_dir(folder).with_context(failure)?.next().is_none();
        ensure!(
            is_empty || force,
            "--cam {}: the folder already contains files; name a new one, or add --force to replace those with the same names",
            folder.display()
        );
        Ok(Self { folder: folder.to_owned(), force, palette: palette() })
    }

    /// Writes the overlay of the `number`th file, and returns its path: u8 `image` `[c, s, s]` under `map` `[h, w]`, at
    /// least 0.
    /// Fails if the file cannot be written.
    pub fn write(&self, number: u64, file: &ImageFile, image: &Tensor, map: &Tensor) -> Result<PathBuf> {
        let path = self.folder.join(name(number, &file.path));
        let png = torch::catch(|| png(&overlay(image, map, &self.palette)))?;
        durable::write_checked(&path, &png, "", !self.force, |_| Ok(()))?;
        Ok(path)
    }
}

/// Names an overlay. The number makes the name unique for files of any folders; of the file's own name only characters that
/// are safe in every file system are kept.
fn name(number: u64, path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let safe = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '.' { c } else { '_' };
    let stem: String = stem.chars().take(STEM).map(safe).collect();
    format!("{number:06}-{stem}.png")
}

/// Blends image and map: RGB pixels `[3, side, side]`, u8.
fn overlay(image: &Tensor, map: &Tensor, palette: &Tensor) -> Tensor {
    let size = image.size()[1];
    let side = size * ((LEAST + size - 1) / size);
    let enlarged =
        |x: &Tensor| x.to_kind(Kind::Float).unsqueeze(0).upsample_bilinear2d([side, side], false, None, None);
    let image = enlarged(image).squeeze_dim(0).expand([3, side, side], false) / 255;
    let heat = enlarged(&map.to_device(tch::Device::Cpu).unsqueeze(0)).view([side, side]);
    let heat = &heat / heat.max().clamp_min(f64::from(f32::MIN_POSITIVE));
    let steps = (&heat * 255).round().to_kind(Kind::Int64).view([-1]);
    let colour = palette.index_select(0, &steps).view([side, side, 3]).permute([2, 0, 1]);
    let share = heat * OPACITY;
    let mixed = &image + share * (colour - &image);
    (mixed * 255).round().clamp(0, 255).to_kind(Kind::Uint8)
}

/// Interpolates [`COLOURS`] to 256 colours.
fn palette() -> Tensor {
    let last = COLOURS.len() - 1;
    let channel = |step: usize, channel: usize| {
        let at = step as f32 / 255.0 * last as f32;
        let (low, share) = ((at as usize).min(last - 1), at - at.floor());
        let share = if step == 255 { 1.0 } else { share };
        let [a, b] = [low, low + 1].map(|colour| f32::from(COLOURS[colour][channel]));
        (a + share * (b - a)) / 255.0
    };
    let colours: Vec<f32> = (0..256).flat_map(|step| (0..3).map(move |c| channel(step, c))).collect();
    Tensor::from_slice(&colours).view([256, 3])
}

/// Encodes RGB pixels `[3, side, side]` as a PNG file.
fn png(pixels: &Tensor) -> Result<Vec<u8>> {
    let side = pixels.size()[1] as u32;
    let bytes = Vec::<u8>::try_from(pixels.permute([1, 2, 0]).contiguous().view([-1]))?;
    let image = RgbImage::from_raw(side, side, bytes).context("an RGB image has three bytes per pixel")?;
    let mut file = Cursor::new(Vec::new());
    image.write_to(&mut file, ImageFormat::Png)?;
    Ok(file.into_inner())
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    #[test]
    fn a_neutral_region_keeps_its_pixels_and_the_strongest_is_brightest() {
        let image = Tensor::full([1, 48, 48], 100, (Kind::Uint8, Device::Cpu));
        let map = Tensor::from_slice(&[0f32, 0.0, 0.0, 5.0]).view([2, 2]);
        let overlaid = overlay(&image, &map, &palette());
        assert_eq!(overlaid.size(), [3, 240, 240]);
        let pixel = |y, x| [0, 1, 2].map(|channel| overlaid.int64_value(&[channel, y, x]));
        assert_eq!(pixel(0, 0), [100; 3]);
        // 0.35 · 100 + 0.65 · (252, 255, 164)
        assert_eq!(pixel(239, 239), [199, 201, 142]);
        let nothing = overlay(&image, &map.zeros_like(), &palette());
        assert_eq!(nothing.min().int64_value(&[]), 100);
    }

    #[test]
    fn the_palette_gets_lighter_with_every_step() {
        let lightness = palette().matmul(&Tensor::from_slice(&[0.2126f32, 0.7152, 0.0722]));
        assert!(lightness.diff(1, 0, None::<Tensor>, None::<Tensor>).min().double_value(&[]) > 0.0);
    }

    #[test]
    fn names_are_unique_and_safe() {
        assert_eq!(name(1, Path::new("a/face.jpg")), "000001-face.png");
        assert_eq!(name(2, Path::new("b/face.jpg")), "000002-face.png");
        assert_eq!(name(3, Path::new("a/\n\u{1b}[2J é*.jpg")), "000003-___2J___.png");
        assert!(name(4, Path::new(&"é".repeat(100))).len() < 60);
    }
}
