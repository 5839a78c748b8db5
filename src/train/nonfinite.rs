//! The search for the first non-finite value. Training checks its loss only every so many updates. When a check fails,
//! the state is restored from the snapshot of the check before, and each update since is repeated and examined.

use anyhow::Result;
use tch::{Kind, Tensor};

use super::{Position, TrainState, Trainer, examples::TrainBatch};
use crate::{
    data::{Batch, Dataset, Split},
    model::Mode,
    torch::lists,
};

/// Updates between two checks whether the loss is still finite. Each check waits for the device.
pub(super) const UPDATES_BETWEEN_CHECKS: u64 = 50;

/// Files of a batch that a message names.
const NAMED: usize = 32;

/// A copy of the state on the device. Averaged weights are part of it where updates read them.
#[derive(Debug)]
pub(super) struct Snapshot {
    tensors: Vec<Tensor>,
    state: TrainState,
}

/// A non-finite value in words, and the files of its batch.
type Location = (String, Vec<String>);

/// The tensors that updates read and change.
fn tensors(trainer: &Trainer) -> Vec<&Tensor> {
    let mut tensors = trainer.model.parameters.tensors();
    tensors.extend(trainer.optimizer.state().into_iter().map(|(_, tensor)| tensor));
    if let (true, Some(average)) = (trainer.recipe.kd_average, &trainer.average) {
        tensors.extend(average.network.parameters.tensors());
    }
    tensors
}

impl Snapshot {
    /// A copy of the current state.
    pub fn new(trainer: &Trainer) -> Result<Self> {
        Ok(Self { tensors: lists::copies(&tensors(trainer)), state: trainer.state()? })
    }

    /// Replaces the copy by the current state.
    pub fn renew(&mut self, trainer: &Trainer) -> Result<()> {
        lists::copy_all(&self.tensors.iter().collect::<Vec<_>>(), &tensors(trainer));
        self.state = trainer.state()?;
        Ok(())
    }

    fn restore(&self, trainer: &mut Trainer) {
        lists::copy_all(&tensors(trainer), &self.tensors.iter().collect::<Vec<_>>());
        trainer.set_state(&self.state);
    }

    /// Restores the snapshot and repeats the updates since then, up to the first non-finite value. Returns that value in
    /// words, with the rate of its update and of the one before, which produced the weights, and the images of its batch;
    /// None where the repetition is finite. `trainer` cannot be used afterwards.
    /// Fails if an image cannot be read any more.
    pub fn first_non_finite(&self, trainer: &mut Trainer, data: &Dataset) -> Result<Option<String>> {
        self.restore(trainer);
        let images = data.train.len();
        let mut batches = trainer.epoch_batches(data)?;
        let mut sum = Tensor::from(0.0).to_device(trainer.device());
        let mut before = Snapshot::new(trainer)?;
        for _ in 0..UPDATES_BETWEEN_CHECKS {
            if batches.left() == 0 {
                break;
            }
            before.renew(trainer)?;
            let rate = trainer.rate(trainer.optimizer.updates, images);
            let update = batches.take(trainer.recipe.grad_accum_steps)?;
            trainer.update(update, rate, &mut sum)?;
            if let Some(average) = &mut trainer.average {
                average.after_update(&trainer.model);
            }
            if !(&sum + trainer.model.parameters.times_zero()).double_value(&[]).is_finite() {
                before.restore(trainer);
                return examine_next_update(trainer, data).map(Some);
            }
        }
        Ok(None)
    }
}

/// Finds what is not finite in the next update, which is known to fail.
fn examine_next_update(trainer: &Trainer, data: &Dataset) -> Result<String> {
    let images = data.train.len();
    let updates = trainer.optimizer.updates;
    let mut batches = trainer.epoch_batches(data)?;
    // Where every part of the update is finite, the step itself was too long.
    let mut what = "a weight or running statistic after the step".to_owned();
    let mut files = Vec::new();
    for batch in batches.take(trainer.recipe.grad_accum_steps)? {
        files = batch.batch.positions.iter().map(|&position| data.train.name(position)).collect();
        if let Some(location) = examine_batch(trainer, &batch, &files)? {
            (what, files) = location;
            break;
        }
    }
    let Position { epochs, updates: done, .. } = trainer.position;
    let rate = trainer.rate(updates, images);
    let rate_before = updates.checked_sub(1).map_or(0.0, |update| trainer.rate(update, images));
    Ok(format!(
        "{what} is not finite in epoch {}, update {}, learning rate {rate} (the update before: {rate_before}). Its batch: {}",
        epochs + 1,
        done + 1,
        listed(&files)
    ))
}

/// The first files, and how many more there are.
fn listed(files: &[String]) -> String {
    let named = files[..files.len().min(NAMED)].join(", ");
    match files.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named}, and {more} more"),
    }
}

/// Finds what is not finite in the pass over a batch of `files`: an output of the network, the loss, or a gradient. With
/// several ranks, all return what the first of them has found, with the files of that rank.
fn examine_batch(trainer: &Trainer, batch: &TrainBatch, files: &[String]) -> Result<Option<Location>> {
    let example = trainer.example(batch);
    let mut first = None;
    let mode = Mode::Train(trainer.dropout_draws(batch.number));
    let logits = trainer.logits(&example, mode, &mut |layer, output| {
        if first.is_none() && !is_finite(output) {
            first = Some(format!("the output of {layer}"));
        }
    });
    let loss = trainer.objective(&logits, &example);
    if first.is_none() && !is_finite(&loss) {
        first = Some("the loss of finite logits".to_owned());
    }
    // All ranks return here or none, since they make the backward pass together.
    let first = trainer.ranks.first_of(first.map(|what| (what, files.to_vec())))?;
    if first.is_some() {
        return Ok(first);
    }
    let trained: Vec<_> = trainer.model.parameters.trained().collect();
    let tensors: Vec<&Tensor> = trained.iter().map(|parameter| &parameter.tensor).collect();
    let gradients = Tensor::run_backward(&[&loss], &tensors, false, false);
    // From the last layer to the first, the order of the backward pass.
    let bad = trained.iter().zip(gradients).rev().find(|(_, gradient)| !is_finite(gradient));
    let what = bad.map(|(parameter, _)| format!("the gradient of {}", parameter.name));
    trainer.ranks.first_of(what.map(|what| (what, files.to_vec())))
}

/// Finds what is not finite when the model is evaluated on the images of `split` at `positions`: the first such layer
/// output, and the names of the images with non-finite logits. None where everything is finite.
pub(super) fn non_finite_evaluation(trainer: &Trainer, split: &Split, positions: &[u32]) -> Result<Option<String>> {
    let _guard = tch::no_grad_guard();
    let network = trainer.network();
    for batch in split.batches(positions.to_vec(), NAMED, network.parameters.device()) {
        let Batch { images, positions, .. } = batch?;
        let images = trainer.normalize.forward(&images);
        let mut first = None;
        let logits = network.forward_watched(&images, Mode::Eval, &mut |layer, output| {
            if first.is_none() && !is_finite(output) {
                first = Some(format!("the output of {layer}"));
            }
        });
        if let Some(what) = first {
            let is_bad: Vec<bool> =
                Vec::try_from(logits.sum_dim_intlist(1, false, Kind::Float).isfinite().logical_not())?;
            let bad = positions.iter().zip(is_bad).filter(|(_, is_bad)| *is_bad);
            let names: Vec<String> = bad.map(|(&position, _)| split.name(position)).collect();
            return Ok(Some(format!("{what} is not finite for {}", names.join(", "))));
        }
    }
    Ok(None)
}

fn is_finite(tensor: &Tensor) -> bool {
    (tensor.detach() * 0.0).sum(Kind::Float).double_value(&[]) == 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_a_few_files_and_counts_the_rest() {
        let files: Vec<String> = (0..40).map(|number| format!("{number}.png")).collect();
        assert!(listed(&files).ends_with("31.png, and 8 more"), "{}", listed(&files));
        assert_eq!(listed(&files[..2]), "0.png, 1.png");
    }
}
