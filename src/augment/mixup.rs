//! Mixup, for `--mixup ALPHA`.
//!
//! | | |
//! |---|---|
//! | What | Each training image is blended with another one of its batch, `share` of the one and the rest of the other, and its target is blended in the same way. The share is drawn from Beta(ALPHA, ALPHA), once a batch; the partners are a random order of the batch. |
//! | When it helps | Against memorisation, wrong labels and overconfidence, in long runs. The batch loss cannot be compared with val loss at all; the probe loss can. |
//! | Costs | Nothing measurable in time. Short runs and small networks get worse; predictions become underconfident with a large ALPHA. `--mixup-off-epoch` ends a run on plain images. |
//! | Usual values | ALPHA 0.1 to 0.4; 0.8 together with CutMix in long runs. `--mixup-prob` is the share of the batches that are mixed, all by default. |
//! | Reference | Zhang et al. 2018, "mixup: beyond empirical risk minimization". |
//! | Measured here | On `faces` in 22 epochs, three seeds, ALPHA 0.2: val loss 0.988 ± 0.030 against 1.182 ± 0.047, gap 0.514 against 1.046 nats. |

use tch::Tensor;

/// Blends each of the n rows, images `[n, c, h, w]` or targets `[n, classes]`: `share` of the row, and the rest of its
/// partner, whose index is in `partner` `[n]` (i64).
pub fn mixup(rows: &Tensor, share: f64, partner: &Tensor) -> Tensor {
    rows * share + rows.index_select(0, partner) * (1.0 - share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_and_targets_are_blended_by_the_same_share() {
        let partner = Tensor::from_slice(&[1i64, 2, 0]);
        let images = Tensor::from_slice(&[0f32, 4.0, 8.0]).view([3, 1, 1, 1]);
        let mixed = mixup(&images, 0.75, &partner);
        assert_eq!(mixed.view(-1), Tensor::from_slice(&[1f32, 5.0, 6.0]));
        let targets = Tensor::from_slice(&[1f32, 0.0, 0.0, 1.0, 1.0, 0.0]).view([3, 2]);
        let soft = mixup(&targets, 0.75, &partner);
        assert_eq!(soft, Tensor::from_slice(&[0.75f32, 0.25, 0.25, 0.75, 1.0, 0.0]).view([3, 2]));
    }
}
