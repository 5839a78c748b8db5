//! Brightness, contrast, saturation and hue, for `--color-jitter`.
//!
//! | | |
//! |---|---|
//! | What | Multiplies brightness, contrast and saturation by factors of 1 ± strength and turns the hue by ± strength of the colour circle, in this order. Grey images have neither saturation nor hue. |
//! | When it helps | Images of different cameras and light. Not where colour or brightness identifies the class. |
//! | Costs | A few passes over the batch; hue several times as much as the other three. |
//! | Usual values | 0.2 to 0.4 for the first three; 0.05 to 0.1 for hue |
//! | Reference | Krizhevsky et al. 2012; Howard 2013, "Some improvements on deep convolutional neural network based image classification"; torchvision's `ColorJitter`, which shuffles the order. |

use tch::{Kind, Tensor};

use crate::{recipe::Recipe, torch};

/// Factors that change the colours of one image, with the meaning of torchvision's `adjust_*`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ColourFactors {
    /// Brightness from 0 (black); 1 changes nothing.
    pub brightness: f64,
    /// Contrast from 0 (all pixels have the mean of the grey image); 1 changes nothing.
    pub contrast: f64,
    /// Saturation from 0 (grey); 1 changes nothing.
    pub saturation: f64,
    /// Rotation of the hue as a share of the colour circle, in [−0.5, 0.5]; 0 changes nothing.
    pub hue: f64,
}

impl ColourFactors {
    /// The factors that change nothing.
    pub const IDENTITY: Self = Self { brightness: 1.0, contrast: 1.0, saturation: 1.0, hue: 0.0 };

    fn numbers(&self) -> [f32; 4] {
        [self.brightness, self.contrast, self.saturation, self.hue].map(|number| number as f32)
    }
}

/// Draws the factors of one image.
pub(super) fn draw(recipe: &Recipe, shares: [f64; 4]) -> ColourFactors {
    let [brightness, contrast, saturation, hue] = recipe.jitter();
    let between = |share: f64, low: f64, high: f64| low + (high - low) * share;
    let factor = |share, strength: f64| between(share, (1.0 - strength).max(0.0), 1.0 + strength);
    ColourFactors {
        brightness: factor(shares[0], brightness),
        contrast: factor(shares[1], contrast),
        saturation: factor(shares[2], saturation),
        hue: between(shares[3], -hue, hue),
    }
}

/// Adjusts each of the float images `[n, c, h, w]` on the scale 0 to 1 by its factors; c is 1 or 3. A factor that changes no
/// image of the batch costs nothing.
pub fn adjust(images: Tensor, factors: &[ColourFactors]) -> Tensor {
    let columns = torch::sent(&columns(factors), images.device());
    adjust_by(images, factors, &columns)
}

/// The factors as a tensor `[n, 4]`, float32, on the CPU: brightness, contrast, saturation, hue.
pub(super) fn columns(factors: &[ColourFactors]) -> Tensor {
    let numbers = factors.iter().flat_map(|factors| factors.numbers());
    Tensor::from_slice(&numbers.collect::<Vec<f32>>()).view([-1, 4])
}

/// [`adjust`] with the [`columns`] of the factors on the images' device.
pub(super) fn adjust_by(mut images: Tensor, factors: &[ColourFactors], columns: &Tensor) -> Tensor {
    let columns = columns.view([-1, 4, 1, 1, 1]).unbind(1);
    let changes = |number: usize| {
        factors.iter().any(|factors| factors.numbers()[number] != ColourFactors::IDENTITY.numbers()[number])
    };
    if changes(0) {
        images = (images * &columns[0]).clamp_(0.0, 1.0);
    }
    if changes(1) {
        let mean = grey(&images).mean_dim([1i64, 2, 3].as_slice(), true, Kind::Float);
        images = blend(&images, &mean, &columns[1]);
    }
    if changes(2) && is_rgb(&images) {
        images = blend(&images, &grey(&images), &columns[2]);
    }
    if changes(3) && is_rgb(&images) {
        images = turn_hue(&images, &columns[3]);
    }
    images
}

fn is_rgb(images: &Tensor) -> bool {
    images.size()[1] == 3
}

/// Converts images to grey `[n, 1, h, w]` with torchvision's weights.
fn grey(images: &Tensor) -> Tensor {
    if !is_rgb(images) {
        return images.shallow_clone();
    }
    images.narrow(1, 0, 1) * 0.2989 + images.narrow(1, 1, 1) * 0.587 + images.narrow(1, 2, 1) * 0.114
}

/// Interpolates from `other` at factor 0 to `images` at 1, and extrapolates above 1.
fn blend(images: &Tensor, other: &Tensor, factor: &Tensor) -> Tensor {
    let rest: Tensor = 1.0 - factor;
    (images * factor + other * rest).clamp_(0.0, 1.0)
}

/// Rotates the hue in HSV; saturation and value stay unchanged.
fn turn_hue(images: &Tensor, share: &Tensor) -> Tensor {
    let (red, green, blue) = (images.narrow(1, 0, 1), images.narrow(1, 1, 1), images.narrow(1, 2, 1));
    let value = images.amax([1i64].as_slice(), true);
    let chroma = &value - images.amin([1i64].as_slice(), true);
    // Without chroma the hue is undefined and has no effect: avoid a division by 0.
    let range = chroma.where_self(&chroma.gt(0.0), &chroma.ones_like());
    // The hue in sixths of the circle, from red.
    let hue = ((&green - &blue) / &range).where_self(
        &red.eq_tensor(&value),
        &((&blue - &red) / &range + 2.0).where_self(&green.eq_tensor(&value), &((&red - &green) / &range + 4.0)),
    );
    // Each channel lies below the value by up to the chroma, depending on its distance from the hue.
    let offsets = Tensor::arange_start_step(5.0, 0.0, -2.0, (Kind::Float, images.device())).view([1, 3, 1, 1]);
    let distance = (hue + share * 6.0 + offsets).remainder_(6.0);
    value - chroma * distance.minimum(&(4.0 - &distance)).clamp_(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    #[test]
    fn grey_images_have_no_saturation_and_no_hue_to_change() {
        let images = Tensor::linspace(0.0, 1.0, 32, (Kind::Float, Device::Cpu)).view([2, 1, 4, 4]);
        let factors = ColourFactors { saturation: 0.3, hue: 0.4, ..ColourFactors::IDENTITY };
        assert!(adjust(images.shallow_clone(), &[factors; 2]).equal(&images));
    }

    #[test]
    fn a_third_of_the_circle_turns_red_into_green_and_does_not_change_grey() {
        let images = Tensor::from_slice(&[1.0f32, 0.5, 0.0, 0.5, 0.0, 0.5]).view([1, 3, 1, 2]);
        let turned = adjust(images, &[ColourFactors { hue: 1.0 / 3.0, ..ColourFactors::IDENTITY }]);
        let expected = Tensor::from_slice(&[0.0f32, 0.5, 1.0, 0.5, 0.0, 0.5]).view([1, 3, 1, 2]);
        assert!(turned.allclose(&expected, 1e-6, 1e-6, false), "{turned}");
    }
}
