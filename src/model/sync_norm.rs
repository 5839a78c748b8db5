//! Batch norm by the statistics of a batch that several processes compute together, for `--sync-bn`.
//!
//! | | |
//! |---|---|
//! | What | In a run on several processes each computes its share of a batch. Batch norm then takes mean and variance over the whole batch instead of over each share. |
//! | When it helps | When the shares are small, below some 16 images, or when a run on N processes must equal one on a single process. |
//! | Costs | Four more all-reduces for each norm of an update, each small, and the slower norm composed of separate operators. Without it a norm uses the statistics of one share, which is noise that regularises. |
//! | Usual values | On or off. No effect in a run of one process. The average that teaches by `--kd-average` still takes the statistics of one share. |
//! | Reference | Peng et al. 2018, "MegDet: a large mini-batch object detector", section 3.3. |

use tch::{Kind, Tensor};

use crate::torch::{self, BatchStatistics, Collective};

/// The batch norm of `x` `[n, c, h, w]`, this process's rows, by the statistics of the rows of all `processes`.
pub(super) fn sync_norm(x: &Tensor, norm: BatchStatistics, processes: &dyn Collective) -> Tensor {
    let (n, c, h, w) = x.size4().expect("feature maps have four dimensions");
    let sum = |own: &Tensor| processes.sum(own).unwrap_or_else(|error| torch::throw(error));
    let over_all_but_channels = |x: &Tensor| x.sum_dim_intlist([0i64, 2, 3].as_slice(), false, Kind::Float);
    let of_channel = |values: &Tensor| values.view([1, c, 1, 1]);

    let count = Tensor::full([1], n * h * w, (Kind::Float, x.device()));
    let total = sum(&Tensor::cat(&[over_all_but_channels(x), count], 0));
    let count = total.narrow(0, c, 1).detach();
    let mean = total.narrow(0, 0, c) / &count;
    let centred = x - of_channel(&mean);
    // The variance takes a second pass: the mean of squares minus the square of the mean would suffer from
    // cancellation.
    let variance = sum(&over_all_but_channels(&centred.square())) / &count;
    if let Some((running_mean, running_var)) = norm.running {
        let _guard = tch::no_grad_guard();
        let unbiased = &variance * &count / (&count - 1.0);
        let _ = running_mean.shallow_clone().lerp_(&mean.detach(), norm.momentum);
        let _ = running_var.shallow_clone().lerp_(&unbiased.detach(), norm.momentum);
    }
    let scale = (variance + norm.epsilon).rsqrt() * norm.weight;
    centred * of_channel(&scale) + of_channel(norm.bias)
}
