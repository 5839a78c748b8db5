//! Dropout before the classifier, for `--drop P`.
//!
//! | | |
//! |---|---|
//! | What | In training each of the features that reach the classifier is set to zero with probability P; the others are multiplied by 1 / (1 − P), so that the expectation stays. |
//! | When it helps | When the classifier relies on a few features. With batch norm in every block the effect on ResNets is small: 0 to 0.4 points on FER2013. |
//! | Costs | Nothing measurable. A short run learns more slowly. |
//! | Usual values | 0.1 to 0.5. |
//! | Reference | Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from overfitting". |
//! | Measured here | On `faces` in 22 epochs, three seeds, P 0.3: gap 0.672 against 1.046 nats, but val loss 1.171 ± 0.184 against 1.182 ± 0.047; no significant difference. |

use tch::{Device, Kind, Tensor};

use crate::{random::Stream, torch};

/// `features` `[n, f]` with 0 in place of those that `kept` `[n, f]` marks with 0; the others are scaled to keep the
/// expectation. `rate` is the probability with which each was dropped, in [0, 1).
pub fn dropout(features: &Tensor, kept: &Tensor, rate: f64) -> Tensor {
    features * (kept / (1.0 - rate))
}

/// A mask of `shape`: each number is 0 with probability `rate`, independently, and otherwise 1.
pub fn keep_mask(shape: &[i64], rate: f64, draws: &mut Stream, device: Device) -> Tensor {
    let count: i64 = shape.iter().product();
    let dropped: Vec<i64> = draws.chosen(count as u64, rate).into_iter().map(|place| place as i64).collect();
    let mask = Tensor::ones([count], (Kind::Float, device));
    let _ = mask.shallow_clone().index_fill_(0, &torch::sent(&Tensor::from_slice(&dropped), device), 0.0);
    mask.view(shape)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Purpose;

    #[test]
    fn what_is_kept_makes_up_for_what_is_dropped() {
        let features = Tensor::from_slice(&[1f32, 2.0, 3.0, 4.0]).view([2, 2]);
        let kept = Tensor::from_slice(&[1f32, 0.0, 1.0, 1.0]).view([2, 2]);
        let expected = Tensor::from_slice(&[2f32, 0.0, 6.0, 8.0]).view([2, 2]);
        assert_eq!(dropout(&features, &kept, 0.5), expected);
    }

    #[test]
    fn a_mask_drops_its_share_everywhere_alike() {
        let mut draws = Stream::new(3, Purpose::Network, 1, 0);
        let mask = keep_mask(&[4000, 10], 0.2, &mut draws, Device::Cpu);
        let means: Vec<f32> = mask.mean_dim(0, false, Kind::Float).try_into().unwrap();
        // Five standard errors of a mean of 4,000 draws are 0.032.
        assert!(means.iter().all(|mean| (mean - 0.8).abs() < 0.032), "{means:?}");
        assert!(keep_mask(&[3, 5], 0.0, &mut draws, Device::Cpu).min().double_value(&[]) == 1.0);
    }
}
