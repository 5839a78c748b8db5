//! DropBlock, for `--drop-block P`.
//!
//! | | |
//! |---|---|
//! | What | In training, connected squares of the feature maps are set to zero, in each channel independently, so that about the share P is dropped; the rest is scaled up to keep the mean. It acts before the last convolution of each block of the last two stages. |
//! | When it helps | Dropout for convolutions. Dropping single features removes little, since their neighbours hold the same information; a square removes a whole part of the image. 2 to 3 points on FER2013 in published runs. |
//! | Costs | A max-pool over the maps on which it acts. Short runs and small networks get worse. |
//! | Usual values | 0.05 to 0.15. Here the size of the square follows the map's: two fifths of its side, as 3 of 7 and 5 of 14 pixels in timm. |
//! | Reference | Ghiasi et al. 2018, "DropBlock: a regularization method for convolutional networks". |

use tch::{Kind, Tensor};

use super::{batch_share::DropoutDraws, drop::keep_mask};
use crate::torch;

/// The side of the squares on a map whose shorter side has `side` pixels: the odd number nearest to two fifths of it.
fn block_size(side: i64) -> i64 {
    let nearest_odd = 2.0 * (0.4 * side as f64 / 2.0).floor() + 1.0;
    (nearest_odd as i64).clamp(1, side.max(1))
}

/// The probability that a square begins at a position where it fits, chosen so that the share `rate` of the map is
/// dropped if no squares overlap: rate / block² × (positions on the map) / (positions where a square fits).
fn seed_rate(rate: f64, block: i64, [height, width]: [i64; 2]) -> f64 {
    let fitting = (height - block + 1) * (width - block + 1);
    (rate / (block * block) as f64 * (height * width) as f64 / fitting as f64).min(1.0)
}

/// `maps` `[n, c, h, w]` with 0 in the squares of side `block` whose upper left corners `seeds`
/// `[n, c, h − block + 1, w − block + 1]` marks with 1. The rest is divided by the share that is kept of the whole
/// batch.
pub fn drop_block(maps: &Tensor, seeds: &Tensor, block: i64) -> Tensor {
    maps * torch::preferred_layout(&factors(seeds, block))
}

/// The factors of the maps: 0 in the squares, elsewhere the inverse of the share that is kept.
fn factors(seeds: &Tensor, block: i64) -> Tensor {
    let around = block - 1;
    let padded = seeds.constant_pad_nd([around, around, around, around]);
    let kept: Tensor = 1.0 - padded.max_pool2d([block; 2], [1, 1], [0, 0], [1, 1], false);
    // The share is measured, not taken from the rate, so that the batch's mean stays exact. It is at least that of one
    // position, to avoid a division by 0.
    let share = kept.mean(Kind::Float).clamp_min(1.0 / kept.numel() as f64);
    kept / share
}

/// [`drop_block`] with seeds drawn from `draws`.
pub(super) fn forward(maps: &Tensor, rate: f64, draws: &mut DropoutDraws) -> Tensor {
    let (n, c, h, w) = maps.size4().expect("feature maps have four dimensions");
    let block = block_size(h.min(w));
    // Drawn for the whole batch, since the scale is that of the whole batch.
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
    fn a_seed_drops_its_square_and_the_rest_is_scaled_up() {
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
        // A position is kept when no square that covers it begins.
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
