//! The measurement of a set of images, one and the same for probe and val.

use anyhow::Result;
use tch::{Device, Tensor};

use crate::{
    augment::{Augment, Normalize},
    data::{Batch, Split},
    model::{Mode, ResNet},
    run::Outputs,
    torch,
};

/// Images in one forward pass. Fixed, so that a figure does not depend on the training batch.
pub(super) const BATCH: usize = 256;

/// The network's logits on the images of `split` at `positions`, in that order: eval mode, no randomness, float32,
/// read to the host once at the end.
///
/// # Errors
/// An image that cannot be read any more, or an exception of libtorch.
pub fn evaluate(model: &ResNet, normalize: &Normalize, split: &Split, positions: &[u32]) -> Result<Outputs> {
    let device = model.parameters.device();
    evaluate_by(split, positions, device, |images| Ok(model.forward(&normalize.forward(images), Mode::Eval)))
}

/// The logits of any model on the images of `split` at `positions`, in that order. `logits_of` computes the logits
/// `[n, classes]` of u8 images `[n, c, h, w]` on `device`.
///
/// # Errors
/// An image that cannot be read any more, an exception of libtorch, or an error of `logits_of`.
pub fn evaluate_by(
    split: &Split,
    positions: &[u32],
    device: Device,
    logits_of: impl Fn(&Tensor) -> Result<Tensor>,
) -> Result<Outputs> {
    by_batches(split, positions, device, |batch| logits_of(&batch.images))
}

/// The network's logits on an augmented view of each image of `split` at `positions`, in that order: the view that `augment` shows of
/// it in `epoch`, and else as [`evaluate`] measures.
///
/// # Errors
/// An image that cannot be read any more, or an exception of libtorch.
pub fn evaluate_view(
    model: &ResNet,
    augment: &Augment,
    split: &Split,
    positions: &[u32],
    epoch: u32,
) -> Result<Outputs> {
    by_batches(split, positions, model.parameters.device(), |batch| {
        let ids: Vec<u32> = batch.positions.iter().map(|&position| split.ids[position as usize]).collect();
        Ok(model.forward(&augment.forward(&batch.images, epoch, &ids), Mode::Eval))
    })
}

/// The logits that `logits_of` computes of batches of the images of `split` at `positions`, in that order, read to the host once at the
/// end.
fn by_batches(
    split: &Split,
    positions: &[u32],
    device: Device,
    logits_of: impl Fn(&Batch) -> Result<Tensor>,
) -> Result<Outputs> {
    let _guard = tch::no_grad_guard();
    let mut logits = Vec::with_capacity(positions.len().div_ceil(BATCH));
    for batch in split.batches(positions.to_vec(), BATCH, device) {
        let batch = batch?;
        logits.push(torch::catch(|| logits_of(&batch))?);
    }
    let logits = torch::catch(|| torch::read(&Tensor::cat(&logits, 0)))?;
    Ok(outputs(logits.reshape([-1]).try_into()?, split, positions))
}

/// Outputs with these `logits`, row by row, and the labels and ids of the images at `positions`.
pub(super) fn outputs(logits: Vec<f32>, split: &Split, positions: &[u32]) -> Outputs {
    let pick = |column: &[u32]| positions.iter().map(|&position| i64::from(column[position as usize])).collect();
    Outputs { logits, labels: pick(&split.labels), ids: pick(&split.ids) }
}
