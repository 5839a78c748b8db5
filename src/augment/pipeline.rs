//! The pipeline from bytes to normalised, augmented images.

use anyhow::Result;
use tch::{Device, Tensor};

use super::{
    AugmentDraws, ImageSize, Map, Normalize, Rect,
    aug_mix::{self, Copies},
    blur, colour,
    erase::erase,
    hflip_alternate::is_mirrored,
    move_pixels::{self, move_by},
    resample::{self, resample_bytes, resample_separable},
    tone, window,
};
use crate::{
    random::{Purpose, Stream},
    recipe::{Aa, Recipe},
    torch::{PackedTensors, throw},
};

/// Random augmentation of training images.
///
/// The draws of an image depend only on the recipe, the epoch and the image's sample id: neither on the other images of its
/// batch nor on earlier draws.
#[derive(Debug)]
pub struct Augment {
    recipe: Recipe,
    geometry: Geometry,
    normalize: Normalize,
    /// Normalisation in two steps, to the scale 0 to 1 and from there, for operations that need that scale in between.
    to_unit: Normalize,
    after_unit: Normalize,
}

/// The kind of movement of pixels under a recipe.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Geometry {
    Still,
    /// Movement by whole pixels, without interpolation.
    WholePixels,
    /// Interpolation along columns and rows independently.
    Separable,
    /// General affine interpolation.
    Affine,
}

/// Draws the numbers that augment the batches of a run, on the host. Any thread may do it ahead of training.
#[derive(Clone, Debug)]
pub struct AugmentSampler {
    recipe: Recipe,
    geometry: Geometry,
    channels: i64,
    size: ImageSize,
    device: Device,
}

/// The numbers that augment one batch, ready to be sent to the device in one copy.
#[derive(Debug)]
pub struct BatchDraws {
    draws: Vec<AugmentDraws>,
    /// What AugMix mixes with each image; empty without it.
    mixed: Vec<Copies>,
    numbers: PackedTensors,
}

impl Augment {
    /// The augmentation of `recipe`. Keeps a copy of `normalize` that shares its tensors.
    pub fn new(recipe: &Recipe, normalize: &Normalize) -> Self {
        Self {
            recipe: recipe.clone(),
            geometry: Geometry::of(recipe),
            normalize: normalize.clone(),
            to_unit: normalize.to_unit(),
            after_unit: normalize.after_unit(),
        }
    }

    /// Augments and normalises uint8 images `[n, c, h, w]` to float32 images of the same shape or, with `train_crop`, to windows of them.
    /// `ids[i]` is the sample id of image i; `epoch` counts from 1.
    ///
    /// The order is geometry, colour, tones, AugMix, blur, normalisation, erasing, window. With all knobs off the result is that of
    /// [`Normalize::forward`].
    pub fn forward(&self, images: &Tensor, epoch: u32, ids: &[u32]) -> Tensor {
        let draw = AugmentSampler::new(&self.recipe, images.size()[1], ImageSize::of(images), images.device());
        self.apply(images, &draw.batch(epoch, ids, &vec![0; ids.len()]).unwrap_or_else(|error| throw(error)))
    }

    /// Augments and normalises uint8 images `[n, c, h, w]` to float32 images or windows of them, with the numbers `drawn` for them.
    pub fn apply(&self, images: &Tensor, drawn: &BatchDraws) -> Tensor {
        assert_eq!(images.size()[0], drawn.draws.len() as i64, "each image has draws");
        let mut numbers = drawn.numbers.send().unwrap_or_else(|error| throw(error)).into_iter();
        let mut next = || numbers.next().expect("the numbers that `AugmentSampler::batch` packed");

        let bytes = images;
        let mut images = self.changed(bytes, &drawn.draws, &mut next);
        if !drawn.mixed.is_empty() {
            let copies = aug_mix::changes(&drawn.mixed).map(|draws| self.changed(bytes, &draws, &mut next));
            images = aug_mix::mixed(&images, &copies, &next());
        }
        if changes_values(&self.recipe) {
            if drawn.draws.iter().any(|draws| draws.blur > 0.0) {
                let (index, kernels) = (next(), next());
                images = blur::blur_by(images, &index, &kernels);
            }
            images = self.after_unit.forward(&images);
        }
        if drawn.draws.iter().any(|draws| draws.erase.is_some()) {
            images = erase(images, &next());
        }
        if self.recipe.train_crop > 0.0 {
            let side = window::side(&self.recipe, ImageSize::of(&images));
            images = window::cut(&images, &next(), side);
        }
        images
    }

    /// The images moved, and changed in colour and tones on the scale 0 to 1 where a knob may do that; else normalised.
    fn changed(&self, images: &Tensor, draws: &[AugmentDraws], next: &mut impl FnMut() -> Tensor) -> Tensor {
        let changes_values = changes_values(&self.recipe);
        let values = if changes_values { &self.to_unit } else { &self.normalize };
        let border = self.recipe.border;
        let mut images = match self.geometry {
            Geometry::Still => values.forward(images),
            Geometry::WholePixels => values.forward(&move_by(images, &next(), border)),
            Geometry::Separable => resample_separable(images, &next(), border, values),
            Geometry::Affine => resample_bytes(images, &next(), border, values),
        };
        if changes_values {
            let colours: Vec<_> = draws.iter().map(|draws| draws.colour).collect();
            images = colour::adjust_by(images, &colours, &next());
            let tones: Vec<_> = draws.iter().map(|draws| draws.tone).collect();
            images = tone::change_by(images, &tones, next);
        }
        images
    }
}

impl AugmentSampler {
    /// A sampler for images of `channels` and `size` that are augmented on `device`.
    pub fn new(recipe: &Recipe, channels: i64, size: ImageSize, device: Device) -> Self {
        Self { recipe: recipe.clone(), geometry: Geometry::of(recipe), channels, size, device }
    }

    /// Draws the numbers for the images `ids` (sample ids) in `epoch` (from 1), which has shown them `repeats` times before.
    ///
    /// # Errors
    /// Memory runs out.
    pub fn batch(&self, epoch: u32, ids: &[u32], repeats: &[u32]) -> Result<BatchDraws> {
        assert_eq!(ids.len(), repeats.len(), "each image has a count of repeats");
        // A run has fewer than 2²⁰ epochs, so that the upper 12 bits are free for the repeats.
        let stream = |purpose, id, repeat| Stream::new(self.recipe.seed, purpose, epoch ^ repeat << 20, id);
        let draw = |(id, repeat): (&u32, &u32)| {
            let mut stream = stream(Purpose::Augment, *id, *repeat);
            let mut draws = AugmentDraws::new(&self.recipe, self.channels, self.size, &mut stream);
            if self.recipe.hflip_alternate {
                draws.map.flip = is_mirrored(self.recipe.seed, *id, epoch + repeat);
            }
            draws
        };
        let draws: Vec<AugmentDraws> = ids.iter().zip(repeats).map(draw).collect();
        let mut mixed = Vec::new();
        if self.recipe.aa == Aa::AugMix {
            for ((id, repeat), image) in ids.iter().zip(repeats).zip(&draws) {
                let stream = &mut stream(Purpose::AugMix, *id, *repeat);
                mixed.push(aug_mix::draw(&self.recipe, *image, self.channels, self.size, stream));
            }
        }
        let numbers = PackedTensors::new(self.numbers(&draws, &mixed), self.device)?;
        Ok(BatchDraws { draws, mixed, numbers })
    }

    /// The tensors that [`Augment::apply`] needs on the device, in the order of their use.
    fn numbers(&self, draws: &[AugmentDraws], mixed: &[Copies]) -> Vec<Tensor> {
        let mut numbers = self.numbers_of_changes(draws);
        if !mixed.is_empty() {
            for draws in aug_mix::changes(mixed) {
                numbers.extend(self.numbers_of_changes(&draws));
            }
            numbers.push(aug_mix::shares(mixed));
        }
        if changes_values(&self.recipe) {
            let sigmas: Vec<f64> = draws.iter().map(|draws| draws.blur).collect();
            numbers.extend(blur::kernels(&sigmas, self.size).into_iter().flatten());
        }
        if draws.iter().any(|draws| draws.erase.is_some()) {
            let erased: Vec<Option<Rect>> = draws.iter().map(|draws| draws.erase).collect();
            numbers.push(Rect::edges(&erased));
        }
        if self.recipe.train_crop > 0.0 {
            let places: Vec<[i64; 2]> = draws.iter().map(|draws| draws.window).collect();
            numbers.push(window::starts(&places, self.size));
        }
        numbers
    }

    /// The tensors of [`Augment::changed`].
    fn numbers_of_changes(&self, draws: &[AugmentDraws]) -> Vec<Tensor> {
        let mut numbers = Vec::new();
        let maps: Vec<Map> = draws.iter().map(|draws| draws.map).collect();
        match self.geometry {
            Geometry::Still => (),
            Geometry::WholePixels => numbers.push(move_pixels::starts(&maps, self.size)),
            Geometry::Separable | Geometry::Affine => numbers.push(resample::axes(&maps, self.size)),
        }
        if changes_values(&self.recipe) {
            let colours: Vec<_> = draws.iter().map(|draws| draws.colour).collect();
            numbers.push(colour::columns(&colours));
            let tones: Vec<_> = draws.iter().map(|draws| draws.tone).collect();
            numbers.extend(tone::numbers(&tones));
        }
        numbers
    }
}

impl Geometry {
    /// Chooses the geometry by the recipe and not by the draws, so that an image's bits do not depend on the other images of
    /// its batch.
    fn of(recipe: &Recipe) -> Self {
        if recipe.rotate > 0.0 || recipe.aa != Aa::None {
            Self::Affine
        } else if recipe.translate > 0.0 || recipe.zoom != [1.0, 1.0] || recipe.scale != [1.0, 1.0] {
            Self::Separable
        } else if recipe.hflip > 0.0 || recipe.vflip > 0.0 || recipe.crop_pad > 0 {
            Self::WholePixels
        } else {
            Self::Still
        }
    }
}

/// Whether a knob changes pixel values between geometry and normalisation.
fn changes_values(recipe: &Recipe) -> bool {
    recipe.jitter() != [0.0; 4] || recipe.blur > 0.0 || recipe.aa != Aa::None
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;
    use crate::recipe::Border;

    fn images(n: i64, channels: i64) -> Tensor {
        let pixels: Vec<u8> = (0..n * channels * 12 * 12).map(|i| (i * 37 % 251) as u8).collect();
        Tensor::from_slice(&pixels).view([n, channels, 12, 12])
    }

    fn augment(recipe: &Recipe, channels: usize) -> Augment {
        Augment::new(recipe, &Normalize::new(&vec![0.5; channels], &vec![0.25; channels], Device::Cpu))
    }

    /// All knobs. RandAugment has the operations of TrivialAugment and several to an image.
    fn everything() -> Recipe {
        Recipe { aa: Aa::Rand, train_crop: 9.0, ..crate::augment::draws::tests::everything() }
    }

    #[test]
    fn without_knobs_only_normalisation_remains() {
        let images = images(3, 1);
        let augment = augment(&Recipe::default(), 1);
        assert!(augment.forward(&images, 1, &[0, 1, 2]).equal(&augment.normalize.forward(&images)));
    }

    #[test]
    fn all_knobs_at_once_give_finite_windows() {
        for (n, channels) in [(1, 1), (1, 3), (64, 1), (64, 3)] {
            for border in [Border::Reflect, Border::Zero] {
                let images = images(n, channels);
                let ids: Vec<u32> = (0..n as u32).collect();
                let out = augment(&Recipe { border, ..everything() }, channels as usize).forward(&images, 1, &ids);
                assert_eq!(out.size(), [n, channels, 9, 9]);
                assert_eq!(out.kind(), Kind::Float);
                // Pixels of 0 to 1 lie within ±2 standard deviations of 0.25 about the mean of 0.5.
                assert!(out.abs().max().double_value(&[]) < 2.0001);
            }
        }
    }

    #[test]
    fn a_repeated_image_is_augmented_differently() {
        let images = images(2, 1);
        let size = ImageSize::of(&images);
        let augmented = |repeats: &[u32]| {
            let drawn = AugmentSampler::new(&everything(), 1, size, Device::Cpu).batch(1, &[0, 1], repeats).unwrap();
            augment(&everything(), 1).apply(&images, &drawn)
        };
        let (first, again) = (augmented(&[0, 0]), augmented(&[0, 1]));
        assert!(again.get(0).allclose(&first.get(0), 1e-6, 1e-6, false));
        assert!(!again.get(1).allclose(&first.get(1), 0.01, 0.01, false));
    }

    #[test]
    fn the_augmentation_of_an_image_does_not_depend_on_its_batch() {
        let (images, augment) = (images(8, 3), augment(&everything(), 3));
        let together = augment.forward(&images, 2, &[10, 11, 12, 13, 14, 15, 16, 17]);
        for image in 0..8 {
            let alone = augment.forward(&images.narrow(0, image, 1), 2, &[10 + image as u32]);
            assert!(alone.allclose(&together.narrow(0, image, 1), 1e-5, 1e-5, false), "image {image}");
        }
        assert!(!together.allclose(&augment.forward(&images, 3, &[10, 11, 12, 13, 14, 15, 16, 17]), 0.1, 0.1, false));
    }
}
