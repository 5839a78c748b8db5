//! DropBlock, for `--drop-block P`.
//!
//! | | |
//! |---|---|
//! | What | While training, connected squares of the feature maps are set to zero, in each channel on its own, so that about the share P is gone; the rest is scaled up to keep the mean. It acts before the last convolution of each block of the last two stages. |
//! | When it helps | Dropout for convolutions: single features are no loss, their neighbours tell the same; a square takes a whole part of the image away. 2 to 3 points on FER2013 in published runs. |
//! | Costs | A max-pool over the maps it acts on. Short runs and small networks get worse. |
//! | Usual values | 0.05 to 0.15. The square is sized to the map here: two fifths of its side, as 3 of 7 and 5 of 14 pixels in timm. |
//! | Reference | Ghiasi et al. 2018, "DropBlock: a regularization method for convolutional networks". |

use tch::{Kind, Tensor};

use super::{batch_share::DropoutDraws, drop::keep_mask};
use crate::torch;

/// Side of the squares on a map whose shorter side is `side` pixels: the odd number nearest to two fifths of it.
pub fn block_size(side: i64) -> i64 {
    let odd_below = |number: f64| 2.0 * (number / 2.0).floor() + 1.0;
    (odd_below(0.4 * side as f64) as i64).clamp(1, side.max(1))
}

/// Probability with which a square begins at a place where it fits, so that the share `rate` of the map is dropped if
/// no two squares met: rate / block² × (places on the map) / (places where a square fits).
pub fn seed_rate(rate: f64, block: i64, [height, width]: [i64; 2]) -> f64 {
    let fitting = (height - block + 1) * (width - block + 1);
    (rate / (block * block) as f64 * (height * width) as f64 / fitting as f64).min(1.0)
}

/// `maps` `[n, c, h, w]` without the squares of side `block` whose upper left corners `seeds` `[n, c, h − block + 1, w
/// − block + 1]` marks with 1. The rest is scaled by the share that is left, over the whole batch.
pub fn drop_block(maps: &Tensor, seeds: &Tensor, block: i64) -> Tensor {
    maps * torch::preferred_layout(&factors(seeds, block))
}

/// What the maps are multiplied by: 0 in the squares, elsewhere what makes up for them.
fn factors(seeds: &Tensor, block: i64) -> Tensor {
    let around = block - 1;
    let padded = seeds.constant_pad_nd([around, around, around, around]);
    let kept: Tensor = 1.0 - padded.max_pool2d([block; 2], [1, 1], [0, 0], [1, 1], false);
    // The mean is no constant of the draws: it keeps the batch's scale exact. At least one place, lest it be divided by
    // 0.
    let share = kept.mean(Kind::Float).clamp_min(1.0 / kept.numel() as f64);
    kept / share
}

/// [`drop_block`] with fresh draws.
pub(super) fn forward(maps: &Tensor, rate: f64, draws: &mut DropoutDraws) -> Tensor {
    let (n, c, h, w) = maps.size4().expect("feature maps have four dimensions");
    let block = block_size(h.min(w));
    // Over the whole batch, since its scale is the whole batch's.
    let shape = [draws.whole(n), c, h - block + 1, w - block + 1];
    let seeds = 1.0 - keep_mask(&shape, seed_rate(rate, block, [h, w]), &mut draws.stream, maps.device());
    maps * torch::preferred_layout(&draws.own(factors(&seeds, block)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};

    #[test]
    fn blocks_are_sized_to_the_map() {
        assert_eq!([1, 2, 3, 4, 6, 7, 12, 14, 24].map(block_size), [1, 1, 1, 1, 3, 3, 5, 5, 9]);
    }

    #[test]
    fn a_seed_takes_its_square_away_and_the_rest_makes_up_for_it() {
        let maps = Tensor::ones([1, 1, 4, 4], (Kind::Float, tch::Device::Cpu));
        let seeds = Tensor::from_slice(&[0f32, 1.0, 0.0, 0.0]).view([1, 1, 2, 2]);
        let dropped = drop_block(&maps, &seeds, 3).view([4, 4]);
        // The square covers rows 0 to 2, columns 1 to 3: 7 of 16 places are left.
        let rest = 16.0 / 7.0;
        let expected = [[rest, 0.0, 0.0, 0.0], [rest, 0.0, 0.0, 0.0], [rest, 0.0, 0.0, 0.0], [rest, rest, rest, rest]];
        let expected = Tensor::from_slice(expected.as_flattened()).view([4, 4]).to_kind(Kind::Float);
        assert!(dropped.allclose(&expected, 1e-6, 0.0, false), "{dropped:?}");
    }

    #[test]
    fn the_share_that_is_kept_is_what_independent_seeds_leave() {
        let (rate, side) = (0.15, 7);
        let block = block_size(side);
        let maps = Tensor::ones([200, 40, side, side], (Kind::Float, tch::Device::Cpu));
        let dropped = forward(&maps, rate, &mut Stream::new(5, Purpose::Network, 1, 0).into());
        let kept = dropped.ne(0.0).to_kind(Kind::Double).mean(Kind::Double).double_value(&[]);
        // A place is kept when none of the squares that cover it begins.
        let seed = seed_rate(rate, block, [side, side]);
        let covers = |place: i64| (0..=side - block).filter(|start| (*start..start + block).contains(&place)).count();
        let places = (0..side).flat_map(|y| (0..side).map(move |x| (x, y)));
        let expected =
            places.map(|(x, y)| (1.0 - seed).powi((covers(x) * covers(y)) as i32)).sum::<f64>() / (side * side) as f64;
        assert!((kept - expected).abs() < 0.005, "{kept} where {expected} was expected");
        assert!((expected - (1.0 - rate)).abs() < 0.02, "{expected}");
        // The mean of the maps stays.
        assert!((dropped.mean(Kind::Double).double_value(&[]) - 1.0).abs() < 1e-5);
    }
}
