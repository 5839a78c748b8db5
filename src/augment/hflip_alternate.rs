//! Mirroring in every other epoch, for `--hflip-alternate`.
//!
//! | | |
//! |---|---|
//! | What | A half of the images, drawn once, is mirrored in the first epoch, the other half in the second, and so on in turn: two epochs show every image both ways. |
//! | When it helps | Wherever `hflip` helps and the run is short: drawn afresh in each epoch, half of the images would be shown the same way twice in a row. |
//! | Costs | Nothing. |
//! | Usual values | With `hflip 0.5`. |
//! | Reference | Jordan 2024, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU" (arXiv 2404.00498), section 3.6. |

use crate::random::{Purpose, Stream};

/// Whether image `id` is mirrored when the run shows it for the time number `turn`, which grows by one with each epoch.
pub(super) fn is_mirrored(seed: u64, id: u32, turn: u32) -> bool {
    // Epochs count from 1: the stream of epoch 0 is used for nothing else.
    let is_first_half = Stream::new(seed, Purpose::Augment, 0, id).uniform() < 0.5;
    is_first_half ^ turn.is_multiple_of(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_epochs_show_every_image_both_ways() {
        for id in 0..100 {
            assert_ne!(is_mirrored(1, id, 1), is_mirrored(1, id, 2));
            assert_eq!(is_mirrored(1, id, 1), is_mirrored(1, id, 3));
        }
        let mirrored = (0..2000).filter(|&id| is_mirrored(0, id, 1)).count();
        // Five standard deviations of a half are 112.
        assert!(mirrored.abs_diff(1000) < 112, "{mirrored}");
        assert!((0..100).any(|id| is_mirrored(1, id, 1) != is_mirrored(2, id, 1)));
    }
}
