//! Stochastic weight averaging, for `--swa-start EPOCH`.
//!
//! | | |
//! |---|---|
//! | What | From EPOCH on, the weights at the end of every epoch go into an equal average, which is the model from then on. Its batch-norm statistics belong to no weights that ever ran, so they are re-estimated, on 50 batches of training images, augmented as in the epoch but not mixed. |
//! | When it helps | With a rate that stays fairly high or cycles in the averaged epochs: the average of points around a flat minimum lies nearer its middle. |
//! | Costs | A second copy of the weights; 50 forward passes and a second measurement of val each averaged epoch. |
//! | Usual values | The last quarter of the run. Not with a rate that falls to 0: its points are all the same. |
//! | Reference | Izmailov et al. 2018, "Averaging weights leads to wider optima and better generalization". |

use anyhow::Result;
use tch::Tensor;

use super::{
    examples::{Examples, draw},
    order::{order, repeats},
};
use crate::{
    data::Dataset,
    model::{Mode, ResNet},
    recipe::Recipe,
};

/// Batches from which the statistics of batch norm are estimated.
const BATCHES: usize = 50;

/// Sets the running statistics of `model` by training images of `data`, which `examples` augment as in `epoch` (from 1) of `recipe`.
///
/// # Errors
/// An image that cannot be read any more, or an exception of libtorch.
pub(super) fn estimate_on_epoch(
    model: &ResNet,
    recipe: &Recipe,
    data: &Dataset,
    examples: &Examples,
    epoch: u32,
) -> Result<()> {
    let (batch_size, device) = (recipe.batch_size as usize, model.parameters.device());
    let mut order = order(recipe, &data.train.labels, epoch);
    order.truncate(images_to_estimate(order.len(), batch_size));
    let repeats = repeats(&order);
    let draw = draw(recipe, data, device);
    let batches = data.train.batches(order, batch_size, device).zip(repeats.chunks(batch_size));
    let images = batches.map(|(batch, repeats)| {
        let batch = batch?;
        let ids: Vec<u32> = batch.positions.iter().map(|&position| data.train.ids[position as usize]).collect();
        Ok(examples.images(&batch, &draw.batch(epoch, &ids, repeats)?, epoch))
    });
    estimate_statistics(model, images)
}

/// The images from which the statistics are estimated, of `images` in batches of `batch_size`: whole batches, as in an epoch.
fn images_to_estimate(images: usize, batch_size: usize) -> usize {
    BATCHES.min(images / batch_size) * batch_size
}

/// How far the equal average of `count` values moves towards the next value, as a share of the distance between them.
pub fn share_at(count: u64) -> f64 {
    1.0 / (count as f64 + 1.0)
}

/// Sets the running statistics of `model` to the mean of the statistics of `batches` of normalised images `[n, c, h, w]`.
///
/// # Errors
/// An error of `batches`.
fn estimate_statistics(model: &ResNet, batches: impl Iterator<Item = Result<Tensor>>) -> Result<()> {
    let _guard = tch::no_grad_guard();
    for (number, images) in batches.take(BATCHES).enumerate() {
        // The first batch replaces what was there.
        let _ = model.forward(&images?, Mode::Estimate(1.0 / (number as f64 + 1.0)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;
    use crate::{model::Architecture, recipe::Recipe};

    #[test]
    fn every_epoch_counts_the_same() {
        let average = (0..)
            .zip([1.0, 2.0, 6.0])
            .fold(100.0, |average, (count, value)| average + share_at(count) * (value - average));
        assert!((average - 3.0f64).abs() < 1e-12);
    }

    #[test]
    fn statistics_are_the_mean_over_the_batches_and_forget_what_was_there() {
        let recipe = Recipe { model: "resnet8".into(), width: Some(2), ..Recipe::default() };
        let model = ResNet::new(&Architecture::new(&recipe, 1, 3).unwrap(), 0, Device::Cpu);
        let batch = |value: f64| Tensor::full([4, 1, 8, 8], value, (Kind::Float, Device::Cpu));
        let statistics = || {
            let all = model.parameters.all().iter();
            let mut means = all.filter(|parameter| parameter.name == "bn1.running_mean");
            Vec::<f32>::try_from(means.next().unwrap().tensor.copy()).unwrap()
        };
        let of = |values: &[f64]| {
            estimate_statistics(&model, values.iter().map(|&value| Ok(batch(value)))).unwrap();
            statistics()
        };
        let (one, three, both) = (of(&[1.0]), of(&[3.0]), of(&[1.0, 3.0]));
        for ((one, three), both) in one.iter().zip(&three).zip(&both) {
            assert!(((one + three) / 2.0 - both).abs() < 1e-6, "{one} {three} {both}");
        }
        assert_ne!(one, three);
    }
}
