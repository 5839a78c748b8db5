//! The learning-rate range test: a short training run whose rate grows at every update, and its losses.
//!
//! | | |
//! |---|---|
//! | What | The rate climbs from `--start-lr` to `--end-lr` by a constant factor over `--num-it` updates; the loss stands still, falls, and rises again. [`crate::stats::LrCurve`] reads from it which rates are worth trying. |
//! | When it helps | Before the first run on new data, a new network or a new optimiser. |
//! | Costs | `--num-it` updates, usually less than a few epochs. It sees the beginning of training only: a rate that is fine later may be too high for the first updates, and the reverse. |
//! | Usual values | 1e-7, 10, 400. fastai has 100 updates, for weights that were trained before; from untrained ones the network learns little in so few, and the rate that comes out is too low. |
//! | Reference | Smith 2017, "Cyclical learning rates for training neural networks", section 3.3; Howard and Gugger 2020, "fastai: a layered API for deep learning", `Learner.lr_find`. |

use anyhow::{Result, ensure};
use tch::{Kind, Tensor};

use super::{Checkpoint, Position, Trainer, check_batch, epoch_batches::EpochBatches};
use crate::{
    data::Dataset,
    stats::{LrCurve, rate_text},
    torch,
};

/// The learning rates of a range test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RangeTest {
    /// The first rate, above 0.
    pub start_lr: f64,
    /// The last rate, above the first.
    pub end_lr: f64,
    /// Updates, from 2.
    pub num_it: u32,
}

impl RangeTest {
    /// The rate of every update. Each is the previous one times the same factor, and the last is exactly `end_lr`.
    pub fn rates(&self) -> impl Iterator<Item = f64> + use<> {
        let Self { start_lr, end_lr, num_it } = *self;
        let last = f64::from(num_it.max(2) - 1);
        (0..num_it).map(move |step| {
            let share = f64::from(step) / last;
            if share == 1.0 { end_lr } else { start_lr * (end_lr / start_lr).powf(share) }
        })
    }

    fn check(&self) -> Result<()> {
        let Self { start_lr, end_lr, num_it } = *self;
        ensure!(
            start_lr > 0.0 && start_lr < end_lr && end_lr.is_finite(),
            "start_lr {} and end_lr {}: the test climbs from a rate above 0 to a higher one",
            rate_text(start_lr),
            rate_text(end_lr)
        );
        ensure!(num_it >= 2, "num_it {num_it}: a climb takes at least 2 updates; 400 is usual");
        Ok(())
    }
}

/// Makes one update of `trainer` at each rate of `test`, until the last rate or until the loss diverges (see
/// [`LrCurve::is_over`]). Then restores its state to the bit: weights, running statistics, optimizer, position.
///
/// Batches, augmentation, objective and optimizer are the recipe's, from the beginning of the next epoch; its schedule and
/// averaged weights are not used. `on_update` is called after every update. The loss of each update is read to the host,
/// since it decides whether another one follows.
///
/// # Errors
/// Rates that do not climb, fewer training images than a batch, an exception of libtorch, an image that cannot be read
/// any more. The state is restored then too.
pub fn find_lr(
    trainer: &mut Trainer,
    data: &Dataset,
    test: &RangeTest,
    mut on_update: impl FnMut(&LrCurve),
) -> Result<LrCurve> {
    test.check()?;
    check_batch(&trainer.recipe, data.train.len())?;
    let before = Checkpoint::of(trainer, &data.fingerprint)?;
    trainer.position.updates = 0;
    let curve = torch::catch(|| climb(trainer, data, test, &mut on_update));
    before.restore(trainer)?;
    curve
}

/// One update at each rate, over as many epochs as they need.
fn climb(
    trainer: &mut Trainer,
    data: &Dataset,
    test: &RangeTest,
    on_update: &mut impl FnMut(&LrCurve),
) -> Result<LrCurve> {
    let mut curve = LrCurve::new(test.num_it as usize);
    let mut batches = trainer.epoch_batches(data)?;
    for rate in test.rates() {
        if batches.left() == 0 {
            trainer.position = Position { epochs: trainer.position.epochs + 1, ..Position::default() };
            batches = trainer.epoch_batches(data)?;
        }
        curve.push(rate, mean_loss(trainer, &mut batches, rate)?);
        on_update(&curve);
        if curve.is_over() {
            break;
        }
    }
    Ok(curve)
}

/// Makes one update at `rate` and returns the mean loss of its batches, computed before the weights change.
fn mean_loss(trainer: &mut Trainer, batches: &mut EpochBatches, rate: f64) -> Result<f64> {
    let group = batches.take(trainer.recipe.grad_accum_steps)?;
    let count = group.len();
    let mut sum = Tensor::zeros([], (Kind::Double, trainer.device()));
    trainer.update(group, rate, &mut sum)?;
    Ok(torch::read_number(&sum)? / count as f64)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use tch::Device;

    use super::*;
    use crate::{
        data::{self, NoProgress, Options},
        durable::Array,
        recipe::{Opt, Recipe},
    };

    fn small(change: impl FnOnce(&mut Recipe)) -> (Trainer, Dataset) {
        let mut recipe = Recipe { model: "resnet8".into(), width: Some(2), batch_size: 16, ..Recipe::default() };
        (recipe.stem_stride, recipe.train_fraction, recipe.hflip, recipe.drop) = (4, 0.05, 0.5, 0.1);
        change(&mut recipe);
        let options = Options { train_fraction: recipe.train_fraction, ..Options::default() };
        let data = data::open("faces", &options, &NoProgress).unwrap();
        recipe.img_size = Some(data.size);
        recipe.in_chans = Some(data.channels);
        let trainer = Trainer::new(&recipe, &data, Device::Cpu).unwrap();
        (trainer, data)
    }

    /// Every number of the training state.
    fn state(trainer: &Trainer) -> Vec<Array> {
        Checkpoint::of(trainer, "").unwrap().to_archive().arrays
    }

    #[test]
    fn rates_climb_by_one_factor_from_the_first_to_the_last() {
        let rates: Vec<f64> = RangeTest { start_lr: 1e-4, end_lr: 10.0, num_it: 6 }.rates().collect();
        let expected = [1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0];
        assert!(rates.iter().zip(expected).all(|(rate, expected)| (rate / expected - 1.0).abs() < 1e-12), "{rates:?}");
        assert_eq!(rates[5], 10.0);
    }

    #[test]
    fn a_test_leaves_the_trainer_as_it_was_and_repeats_bit_for_bit() {
        for (opt, ema) in [(Opt::Sgd, true), (Opt::Adamw, false)] {
            let (mut trainer, data) = small(|recipe| (recipe.opt, recipe.model_ema) = (opt, ema));
            // In the middle of a run, where the optimizer has a state and running statistics have moved.
            let stop = AtomicBool::new(false);
            trainer.train_epoch(&data, &mut (), &stop, Some(2)).unwrap();
            assert_eq!(trainer.position.updates, 2);
            let (before, position, updates) = (state(&trainer), trainer.position, trainer.optimizer.updates);
            let test = RangeTest { start_lr: 1e-7, end_lr: 10.0, num_it: 20 };
            let first = find_lr(&mut trainer, &data, &test, |_| ()).unwrap();
            assert!(state(&trainer) == before, "{opt:?}: the state has moved");
            assert_eq!((trainer.position, trainer.optimizer.updates), (position, updates));
            assert_eq!(find_lr(&mut trainer, &data, &test, |_| ()).unwrap(), first);
            assert!(first.losses().iter().any(|loss| *loss != first.losses()[0]), "{first:?}");
        }
    }

    #[test]
    fn the_loss_of_an_update_is_that_of_its_batches_before_it() {
        // One update at a rate that changes nothing: the first loss of a run at any rate.
        let (mut trainer, data) = small(|recipe| recipe.grad_accum_steps = 3);
        let test = RangeTest { start_lr: 1e-30, end_lr: 1e-29, num_it: 2 };
        let tiny = find_lr(&mut trainer, &data, &test, |_| ()).unwrap();
        let usual = find_lr(&mut trainer, &data, &RangeTest { start_lr: 0.1, end_lr: 1.0, num_it: 2 }, |_| ()).unwrap();
        assert_eq!(tiny.losses()[0], usual.losses()[0]);
        assert_ne!(tiny.losses()[1], usual.losses()[1]);
    }

    #[test]
    fn a_test_may_take_several_epochs_of_a_small_set() {
        let (mut trainer, data) = small(|_| ());
        let batches = trainer.batches_per_epoch(data.train.len());
        let test = RangeTest { start_lr: 1e-7, end_lr: 1e-3, num_it: 3 * batches as u32 };
        let curve = find_lr(&mut trainer, &data, &test, |_| ()).unwrap();
        assert_eq!(curve.losses().len() as u64, 3 * batches);
    }

    #[test]
    fn rates_that_do_not_climb_are_refused() {
        for (start_lr, end_lr, num_it) in [(0.0, 1.0, 9), (1.0, 0.1, 9), (1e-3, f64::INFINITY, 9), (1e-3, 1.0, 1)] {
            let error = RangeTest { start_lr, end_lr, num_it }.check().unwrap_err();
            assert!(error.to_string().contains("climb"), "{error}");
        }
    }
}
