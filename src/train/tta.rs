//! Test-time augmentation, for `--tta flip` and `--tta ten-crop`.
//!
//! | | |
//! |---|---|
//! | What | The predicted probabilities are averaged over views of each image: the image and its mirror image; or four corner crops and the centre one of seven eighths of the side, and their mirror images. |
//! | When it helps | For the last point of accuracy, where classes do not change when mirrored. It changes nothing about the training. |
//! | Costs | Two, or about eight, times the time of a prediction, also wherever the model is used later. |
//! | Usual values | `flip`. Its figures stand beside the plain ones and never replace them. |
//! | Reference | Krizhevsky et al. 2012, "ImageNet classification with deep convolutional neural networks", section 4.1. |

use anyhow::Result;
use tch::{Kind, Tensor};

use super::{EvalSets, Trainer, evaluate::evaluate_by};
use crate::{data::Dataset, model::Mode, recipe::Tta, run::TtaFigures, torch};

/// The figures of `trainer`'s model on val, averaged over the views of its recipe; None where the recipe has no test-time
/// augmentation.
///
/// # Errors
/// An image that cannot be read any more, or an exception of libtorch.
pub fn measure(trainer: &Trainer, data: &Dataset, sets: &EvalSets) -> Result<Option<TtaFigures>> {
    let kind = trainer.recipe.tta;
    if kind == Tta::None {
        return Ok(None);
    }
    let (model, normalize) = (trainer.network(), &trainer.normalize);
    // In place of logits the outputs hold the logarithms of the mean probabilities, which are logits of the same ones.
    let outputs = evaluate_by(&data.val, &sets.val, trainer.device(), |images| {
        averaged(&normalize.forward(images), kind, |view| Ok(model.forward(view, Mode::Eval)))
    })?;
    Ok(Some(TtaFigures::new(kind, &outputs, &sets.leaks, sets.near_leaks.as_deref())))
}

/// The logarithms of the probabilities `[n, classes]` that `logits_of` gives, averaged over the views of images
/// `[n, c, h, w]`.
///
/// # Errors
/// An error of `logits_of`, or an exception of libtorch.
pub fn averaged(images: &Tensor, kind: Tta, logits_of: impl Fn(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
    torch::catch(|| {
        let views = views(images, kind);
        let logs = views.iter().map(|view| Ok(logits_of(view)?.log_softmax(-1, Kind::Float)));
        let logs: Vec<Tensor> = logs.collect::<Result<_>>()?;
        // A mean of probabilities may round to 0, whose logarithm is infinite.
        Ok(Tensor::stack(&logs, 0).logsumexp([0], false) - (logs.len() as f64).ln())
    })
}

/// The views of images `[n, c, h, w]`: each a batch `[n, c, h', w']`.
pub fn views(images: &Tensor, kind: Tta) -> Vec<Tensor> {
    let crops = match kind {
        Tta::None => return vec![images.shallow_clone()],
        Tta::Flip => vec![images.shallow_clone()],
        Tta::TenCrop => five_crops(images),
    };
    let mirrored: Vec<Tensor> = crops.iter().map(|crop| crop.flip([3])).collect();
    crops.into_iter().chain(mirrored).collect()
}

/// Crops of the corners and the centre of images `[n, c, h, w]`, each of seven eighths of the side, rounded.
fn five_crops(images: &Tensor) -> Vec<Tensor> {
    let size = images.size();
    let [height, width] = [size[2], size[3]];
    let part = |side: i64| (side * 7 + 4) / 8;
    let (h, w) = (part(height), part(width));
    let corners = [(0, 0), (0, width - w), (height - h, 0), (height - h, width - w)];
    let centre = ((height - h) / 2, (width - w) / 2);
    let mut crops = Vec::new();
    for (top, left) in corners.into_iter().chain([centre]) {
        crops.push(images.narrow(2, top, h).narrow(3, left, w));
    }
    crops
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image() -> Tensor {
        Tensor::arange(64, (Kind::Float, tch::Device::Cpu)).view([1, 1, 8, 8])
    }

    #[test]
    fn flip_is_the_image_and_its_mirror_image() {
        let views = views(&image(), Tta::Flip);
        assert_eq!((views.len(), &views[0]), (2, &image()));
        assert_eq!(views[1].double_value(&[0, 0, 0, 0]), 7.0);
    }

    #[test]
    fn probabilities_are_averaged_however_small_they_are() {
        let small = |view: &Tensor| {
            Ok(Tensor::from_slice(&[0f32, -200.0 + view.double_value(&[0, 0, 0, 0]) as f32]).view([1, 2]))
        };
        let logs = averaged(&image(), Tta::Flip, small).unwrap();
        // The views have -200 and -193.
        let expected = -193.0 + ((1.0 + (-7f64).exp()) / 2.0).ln();
        assert!((logs.double_value(&[0, 1]) - expected).abs() < 1e-4, "{logs}");
        assert!(logs.double_value(&[0, 0]).abs() < 1e-6);
    }

    #[test]
    fn ten_crop_has_corners_and_centre_mirrored_too() {
        let views = views(&image(), Tta::TenCrop);
        assert_eq!(views.len(), 10);
        assert!(views.iter().all(|view| view.size() == [1, 1, 7, 7]));
        let first = |view: &Tensor| view.double_value(&[0, 0, 0, 0]);
        let firsts: Vec<f64> = views.iter().map(first).collect();
        assert_eq!(firsts, [0.0, 1.0, 8.0, 9.0, 0.0, 6.0, 7.0, 14.0, 15.0, 6.0]);
    }
}
