//! Drop-path, also called stochastic depth, for `--drop-path P`.
//!
//! | | |
//! |---|---|
//! | What | In training the main path of a residual block is left out for an image with a probability that grows linearly with depth, from 0 at the first block to P at the last; where it is kept it is divided by the probability of keeping it. |
//! | When it helps | In deep networks and long runs: it trains many shallower networks at once. |
//! | Costs | Nothing measurable; the path is computed even where it is left out. Short runs and shallow networks get worse. |
//! | Usual values | 0.05 to 0.2; 0.5 in the paper, for 110 layers and 500 epochs. |
//! | Reference | Huang et al. 2016, "Deep networks with stochastic depth". |

use tch::Tensor;

use super::batch_share::DropoutDraws;

/// The main path `[n, c, h, w]` with 0 for the images that `kept` `[n]` marks with 0; the others are scaled to keep the
/// expectation. `rate` is the probability with which each was dropped, in [0, 1).
pub fn drop_path(main: &Tensor, kept: &Tensor, rate: f64) -> Tensor {
    main * (kept / (1.0 - rate)).view([-1, 1, 1, 1])
}

/// The drop-path rate of block `number` (from 0) of `count` blocks, of which the last one has `rate`.
pub(super) fn rate_at(number: usize, count: usize, rate: f64) -> f64 {
    if count < 2 { rate } else { rate * number as f64 / (count - 1) as f64 }
}

/// [`drop_path`] with a mask drawn from `draws`.
pub(super) fn forward(main: &Tensor, rate: f64, draws: &mut DropoutDraws) -> Tensor {
    let kept = draws.keep_mask(&[main.size()[0]], rate, main.device());
    drop_path(main, &kept, rate)
}

#[cfg(test)]
mod tests {
    use tch::Kind;

    use super::*;
    use crate::random::{Purpose, Stream};

    #[test]
    fn a_dropped_image_leaves_the_shortcut_alone() {
        let main = Tensor::from_slice(&[3f32, 6.0, 9.0, 12.0]).view([2, 1, 1, 2]);
        let path = drop_path(&main, &Tensor::from_slice(&[0f32, 1.0]), 0.25);
        assert_eq!(path, Tensor::from_slice(&[0f32, 0.0, 12.0, 16.0]).view([2, 1, 1, 2]));
    }

    #[test]
    fn the_expectation_over_draws_is_the_path_itself() {
        let main = Tensor::from_slice(&[5f32]).expand([40_000, 1, 1, 1], false);
        let mean = forward(&main, 0.3, &mut Stream::new(1, Purpose::Network, 1, 0).into()).mean(Kind::Float);
        // Five standard errors: 5 · √(0.3 / 0.7 / 40,000) · 5 = 0.082.
        assert!((mean.double_value(&[]) - 5.0).abs() < 0.082, "{mean:?}");
    }

    #[test]
    fn rates_grow_linearly_with_depth() {
        let rates: Vec<f64> = (0..5).map(|number| rate_at(number, 5, 0.2)).collect();
        for (rate, expected) in rates.iter().zip([0.0, 0.05, 0.1, 0.15, 0.2]) {
            assert!((rate - expected).abs() < 1e-15);
        }
        assert_eq!(rate_at(0, 1, 0.2), 0.2);
    }
}
