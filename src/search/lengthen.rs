//! The winner's settings for a training that is longer than its trials were.

use super::{Knob, Score, Settings};

/// The highest level that a long training may raise augmentation to: the one above was made for the search to try.
const HIGHEST: usize = 3;
/// Epochs for which the start's augmentation was made: those of preset `closed`, about.
pub const USUAL_EPOCHS: u32 = 12;
/// How many times as long a training is per level.
const PER_LEVEL: f64 = 3.0;

/// `settings` for a training `times` as long as the trial with the figures `score`: one level of augmentation more for each factor of
/// three, rounded, and two at most.
///
/// A network meets each image more often in a longer training, and the gap opens towards its end: on the generated faces, three
/// levels of augmentation were within 0.02 nats of each other after 12 of 36 epochs and 0.745, 0.685 and 0.640 after 36, in the order
/// of their strength (docs/close.md). Trials are shorter, so that they prefer what is too weak for the long training. Where val loss is
/// already far below the probe's loss nothing is raised: then the training images are made too hard.
/// `score` is None where there was no trial.
pub fn lengthened(settings: &Settings, times: f64, score: Option<&Score>) -> Settings {
    let levels = (times.max(1.0).ln() / PER_LEVEL.ln()).round().min(2.0) as usize;
    let is_hard = score.is_some_and(|score| score.gap_loss < -2.0 * score.gap_loss_se);
    if is_hard || settings.augmentation >= HIGHEST {
        return *settings;
    }
    settings.with(Knob::Augmentation, (settings.augmentation + levels).min(HIGHEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn augmentation_rises_with_the_length() {
        let score =
            |gap_loss| Score { images: 9, val_loss: 0.7, val_acc: 80.0, probe_loss: 0.6, gap_loss, gap_loss_se: 0.05 };
        let level = |from, times, gap| {
            let settings = Settings::start(0).with(Knob::Augmentation, from);
            lengthened(&settings, times, Some(&score(gap))).augmentation
        };
        assert_eq!([1.0, 1.7, 2.0, 4.0, 6.0, 50.0].map(|times| level(1, times, 0.1)), [1, 1, 2, 2, 3, 3]);
        assert_eq!((level(3, 9.0, 0.1), level(4, 9.0, 0.1), level(2, 9.0, 0.1)), (3, 4, 3));
        assert_eq!((level(1, 3.0, -0.05), level(1, 3.0, -0.2)), (2, 1));
    }
}
