//! Where training left the finite numbers. Training looks only every so many updates; when a look finds the worst, the
//! state goes back to the look before and every step since is made again under watch.

use std::fmt;

use anyhow::Result;
use tch::{Kind, Tensor};

use super::{Position, Trainer, examples::TrainBatch, trainer::UPDATES_BETWEEN_LOOKS};
use crate::{
    data::{Batch, Dataset, Split},
    model::Mode,
    torch::lists,
};

/// What is not finite, and the files of its batch.
type Place = (String, Vec<String>);

/// Files of a batch that a message names.
const NAMED: usize = 32;

/// The state at a look, on the device: what the updates since then change.
#[derive(Debug)]
pub(super) struct Look {
    tensors: Vec<Tensor>,
    position: Position,
    updates: u64,
}

/// The first thing that was not finite.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// The epoch, from 1.
    pub epoch: u32,
    /// The update in that epoch, from 1.
    pub update: u64,
    /// The learning rate of that update.
    pub rate: f64,
    /// The rate of the update before, whose weights the fault was computed with; 0 at the beginning.
    pub rate_before: f64,
    /// What was not finite, as in `the output of layer2.0`.
    pub place: String,
    /// The images of its batch, by name.
    pub files: Vec<String>,
}

fn state(trainer: &Trainer) -> Vec<&Tensor> {
    let parameters = trainer.model.parameters.all().iter().map(|parameter| &parameter.tensor);
    let scale = trainer.loss_scale.iter().flat_map(|scale| scale.state());
    let others = trainer.optimizer.memory().into_iter().chain(scale);
    parameters.chain(others.map(|(_, tensor)| tensor)).collect()
}

impl Look {
    /// A copy of the state now.
    pub fn new(trainer: &Trainer) -> Self {
        Self { tensors: lists::copies(&state(trainer)), position: trainer.position, updates: trainer.optimizer.updates }
    }

    /// Copies the state now over that of the look before.
    pub fn renew(&mut self, trainer: &Trainer) {
        lists::copy_all(&self.tensors.iter().collect::<Vec<_>>(), &state(trainer));
        (self.position, self.updates) = (trainer.position, trainer.optimizer.updates);
    }

    fn restore(&self, trainer: &mut Trainer) {
        lists::copy_all(&state(trainer), &self.tensors.iter().collect::<Vec<_>>());
        trainer.position = self.position;
        trainer.optimizer.updates = self.updates;
    }

    /// Goes back to this look and finds the first fault since; None where it does not come again. `trainer` is of no
    /// use afterwards.
    ///
    /// # Errors
    /// An image that cannot be read any more.
    pub fn first_fault(&self, trainer: &mut Trainer, data: &Dataset) -> Result<Option<Fault>> {
        self.restore(trainer);
        let images = data.train.len();
        let mut batches = trainer.epoch_batches(data)?;
        let mut sum = Tensor::from(0.0).to_device(trainer.model.parameters.device());
        let mut before = Look::new(trainer);
        for _ in 0..UPDATES_BETWEEN_LOOKS {
            if batches.left() == 0 {
                break;
            }
            before.renew(trainer);
            let rate = trainer.rate(trainer.optimizer.updates, images);
            let group = batches.take(trainer.recipe.grad_accum_steps)?;
            trainer.update(group, rate, &mut sum)?;
            if !(sum.double_value(&[]).is_finite() && trainer.model.parameters.are_finite()) {
                before.restore(trainer);
                return trainer.fault_of_next_update(data).map(Some);
            }
        }
        Ok(None)
    }
}

impl Trainer {
    /// What the first rank with a find has found; without ranks, what was found here.
    fn agree(&self, found: Option<Place>) -> Result<Option<Place>> {
        let Some(ranks) = &self.ranks else { return Ok(found) };
        let text = found.map(|found| serde_json::to_string(&found)).transpose()?;
        Ok(ranks.first_of(text.as_deref())?.map(|text| serde_json::from_str(&text)).transpose()?)
    }

    /// What goes wrong in the update that comes next, which is known to fail.
    fn fault_of_next_update(&self, data: &Dataset) -> Result<Fault> {
        let (images, updates) = (data.train.len(), self.optimizer.updates);
        let mut batches = self.epoch_batches(data)?;
        let (mut place, mut files) = (None, Vec::new());
        for batch in batches.take(self.recipe.grad_accum_steps)? {
            files = batch.batch.positions.iter().map(|&position| data.train.name(position)).collect();
            if let Some(found) = self.place_of_fault(&batch, &files)? {
                (place, files) = (Some(found.0), found.1);
                break;
            }
        }
        Ok(Fault {
            epoch: self.position.epochs + 1,
            update: self.position.updates + 1,
            rate: self.rate(updates, images),
            rate_before: updates.checked_sub(1).map_or(0.0, |update| self.rate(update, images)),
            // Every part of it is finite: the step itself was too long.
            place: place.unwrap_or_else(|| "a weight or running statistic after the step".to_owned()),
            files,
        })
    }

    /// What is not finite in the pass over a batch (an output of the network, the loss, or a gradient), and in which of
    /// the ranks' `files`.
    fn place_of_fault(&self, batch: &TrainBatch, files: &[String]) -> Result<Option<Place>> {
        let (example, number) = (self.example(batch), batch.number);
        let mut first = None;
        let logits = self.logits(&example, Mode::Train(self.noise(number)), &mut |layer, output| {
            if first.is_none() && !is_finite(output) {
                first = Some(format!("the output of {layer}"));
            }
        });
        let loss = self.objective(&logits, &example);
        if first.is_none() && !is_finite(&loss) {
            first = Some("the loss of finite logits".to_owned());
        }
        // Ranks go on or end here together: what follows may be a pass that they make together.
        let of_files = |place: String| (place, files.to_vec());
        let first = self.agree(first.map(of_files))?;
        if first.is_some() {
            return Ok(first);
        }
        let trained: Vec<_> = self.model.parameters.trained().collect();
        let tensors: Vec<&Tensor> = trained.iter().map(|parameter| &parameter.tensor).collect();
        let gradients = Tensor::run_backward(&[&loss], &tensors, false, false);
        // Backwards, as the pass goes.
        let bad = trained.iter().zip(gradients).rev().find(|(_, gradient)| !is_finite(gradient));
        self.agree(bad.map(|(parameter, _)| of_files(format!("the gradient of {}", parameter.name))))
    }
}

/// What is not finite when the model is evaluated on the images of `split` at `positions`: the first layer, and the
/// images whose logits are concerned, by name. None where all is finite.
///
/// # Errors
/// An image that cannot be read any more, or an exception of libtorch.
pub(super) fn fault_of_evaluation(trainer: &Trainer, split: &Split, positions: &[u32]) -> Result<Option<String>> {
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
        if let Some(place) = first {
            let bad: Vec<bool> = Vec::try_from(logits.sum_dim_intlist(1, false, Kind::Float).isfinite().logical_not())?;
            let names = positions.iter().zip(bad).filter(|(_, bad)| *bad).map(|(&position, _)| split.name(position));
            return Ok(Some(format!("{place} is not finite for {}", names.collect::<Vec<_>>().join(", "))));
        }
    }
    Ok(None)
}

fn is_finite(tensor: &Tensor) -> bool {
    (tensor.detach() * 0.0).sum(Kind::Float).double_value(&[]) == 0.0
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let Fault { epoch, update, rate, rate_before, place, files } = self;
        write!(
            formatter,
            "{place} is not finite in epoch {epoch}, update {update}, learning rate {rate} (the update before: \
             {rate_before}). Its batch: {}",
            files[..files.len().min(NAMED)].join(", ")
        )?;
        match files.len().checked_sub(NAMED) {
            None | Some(0) => Ok(()),
            Some(more) => write!(formatter, ", and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_a_few_files_and_counts_the_rest() {
        let files: Vec<String> = (0..40).map(|number| format!("{number}.png")).collect();
        let fault = Fault { epoch: 2, update: 7, rate: 1e9, rate_before: 0.5, place: "the output of fc".into(), files };
        let text = fault.to_string();
        assert!(
            text.starts_with("the output of fc is not finite in epoch 2, update 7, learning rate 1000000000"),
            "{text}"
        );
        assert!(text.ends_with("31.png, and 8 more"), "{text}");
    }
}
