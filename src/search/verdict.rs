//! The verdict: winner against reference on the half of val that selected nothing.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::{PairedDifference, PerImage, Score};
use crate::stats;

/// The verdict in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    /// Val loss is lower by more than chance explains.
    Better,
    /// No difference in val loss is shown.
    NotShown,
    /// No better val loss is shown, and the gap is smaller because the training images are learned less.
    UnderFits,
    /// Val loss is higher by more than chance explains.
    Worse,
}

/// Winner against reference. Losses in nats; differences below 0 say that the winner is lower.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// In a word.
    pub word: Word,
    /// In a sentence or several.
    pub sentence: String,
    /// The reference on the half of val that selected nothing.
    pub reference: Score,
    /// The winner on it.
    pub winner: Score,
    /// Difference in val loss, image by image.
    pub val_loss: PairedDifference,
    /// Difference in accuracy \[percentage points\], image by image.
    pub val_acc: PairedDifference,
    /// Difference in the gap, image by image.
    pub gap_loss: PairedDifference,
    /// Trainings of the winner, each with a seed of its own.
    pub seeds: usize,
    /// Trainings of the reference.
    pub reference_seeds: usize,
    /// p of a paired t-test of val loss over the seeds; None below three.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p_seeds: Option<f64>,
    /// Val images with which a difference as large as this one would be shown with 80 % power; None where it is shown, or the winner is
    /// not lower.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images_needed: Option<u64>,
}

impl Verdict {
    /// Judges the seeds of the `winner` against those of the `reference`, seed by seed where both have several.
    ///
    /// # Errors
    /// They were measured on different images.
    pub fn of(reference: &[PerImage], winner: &[PerImage]) -> Result<Self> {
        let [of_reference, of_winner] = [PerImage::mean(reference.to_vec())?, PerImage::mean(winner.to_vec())?];
        let val_loss = PairedDifference::of_loss(&of_winner, &of_reference)?;
        let gap_loss = PairedDifference::of_gap(&of_winner, &of_reference)?;
        let val_acc = PairedDifference::of_accuracy(&of_winner, &of_reference)?;
        let [reference_score, winner_score] = [of_reference.score(), of_winner.score()];
        let under_fits =
            val_loss.mean >= 0.0 && gap_loss.is_below() && winner_score.probe_loss > reference_score.probe_loss;
        let word = match () {
            () if val_loss.is_below() => Word::Better,
            () if val_loss.is_above() => Word::Worse,
            () if under_fits => Word::UnderFits,
            () => Word::NotShown,
        };
        let is_open = !val_loss.is_below() && val_loss.mean < 0.0;
        let images_needed = is_open.then(|| images_needed(&val_loss, winner_score.images)).flatten();
        let mut by_seed = Vec::new();
        for (winner, reference) in winner.iter().zip(reference) {
            by_seed.push(winner.score().val_loss - reference.score().val_loss);
        }
        let mut verdict = Self {
            word,
            sentence: String::new(),
            reference: reference_score,
            winner: winner_score,
            val_loss,
            val_acc,
            gap_loss,
            seeds: winner.len(),
            reference_seeds: reference.len(),
            p_seeds: stats::paired_t(&by_seed).filter(|_| by_seed.len() >= 3).map(|test| test.p),
            images_needed,
        };
        verdict.sentence = verdict.words();
        Ok(verdict)
    }

    fn words(&self) -> String {
        let Self { reference, winner, val_loss, .. } = self;
        let interval = format!("{:+.3} to {:+.3}", val_loss.low, val_loss.high);
        let what = match self.word {
            Word::Better => "The winner is better",
            Word::Worse => "The winner is worse than the reference",
            Word::UnderFits => {
                "The gap is smaller only because the winner learns its training images less; it is not better"
            }
            Word::NotShown => "It is not shown that the winner is better",
        };
        let mut text = format!(
            "{what}: on {} val images that selected nothing its val loss is {:.3}, the reference's {:.3} (difference {:+.3}, 95 % interval \
             {interval}), accuracy {:.1} % and {:.1} %. The gap is {:.3} ± {:.3} in place of {:.3} ± {:.3} nats.",
            winner.images,
            winner.val_loss,
            reference.val_loss,
            val_loss.mean,
            winner.val_acc,
            reference.val_acc,
            winner.gap_loss,
            winner.gap_loss_se,
            reference.gap_loss,
            reference.gap_loss_se,
        );
        let is_learned_less = self.gap_loss.is_below() && winner.probe_loss > reference.probe_loss;
        if is_learned_less && matches!(self.word, Word::Worse | Word::NotShown) {
            text += " The gap is smaller since the winner learns its training images less.";
        }
        if self.word == Word::Better && self.gap_loss.is_above() {
            text += " The gap did not close: it is wider than the reference's.";
        }
        if let Some(images) = self.images_needed {
            text += &format!(" A difference as large as this one would be shown on about {images} such val images.");
        }
        text += &match (self.p_seeds, self.seeds) {
            (_, seeds) if seeds != self.reference_seeds => format!(
                " {seeds} training(s) of the winner, {} of the reference: other seeds vary beyond this interval.",
                self.reference_seeds
            ),
            (Some(p), seeds) => format!(" Over {seeds} seeds: p = {p:.3}."),
            (None, 1) => " One training of each: other seeds vary beyond this interval.".to_owned(),
            (None, seeds) => format!(" {seeds} trainings of each: other seeds vary beyond this interval."),
        };
        text
    }
}

/// The images on which a difference of this mean and spread is shown at 5 % with 80 % power; None beyond 100,000.
fn images_needed(difference: &PairedDifference, images: usize) -> Option<u64> {
    // The spread of a single image's difference, or what amounts to it where images come in groups.
    let sd = difference.se * (images as f64).sqrt();
    let needed = stats::pairs_needed(difference.mean.abs() / sd, 0.05, 0.8)?;
    Some(two_digits(needed as f64))
}

/// Rounded up to two digits.
fn two_digits(number: f64) -> u64 {
    let unit = 10f64.powf((number.log10().floor() - 1.0).max(0.0));
    ((number / unit).ceil() * unit) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        random::{Purpose, Stream},
        search::score::tests::per_image,
    };

    /// `n` val images about `val`, and as many of the probe about `probe`.
    fn judged(n: usize, val: f64, probe: f64, stream: u32) -> Vec<PerImage> {
        let mut hard = Stream::new(5, Purpose::Resample, 7, 0);
        let mut own = Stream::new(5, Purpose::Resample, 7, 1 + stream);
        let mut losses =
            |mean: f64| -> Vec<f64> { (0..n).map(|_| mean + 0.5 * hard.normal() + 0.1 * own.normal()).collect() };
        let (val, probe) = (losses(val), losses(probe));
        vec![per_image(&val, &probe)]
    }

    #[test]
    fn the_four_words() {
        let reference = judged(500, 1.2, 0.2, 0);
        let word = |val, probe| Verdict::of(&reference, &judged(500, val, probe, 1)).unwrap().word;
        assert_eq!(word(1.0, 0.8), Word::Better);
        assert_eq!(word(1.4, 0.8), Word::Worse);
        assert_eq!(word(1.2, 0.2), Word::NotShown);

        let losses: Vec<f64> = (0..100).map(|image| 0.5 + 0.01 * f64::from(image)).collect();
        let other = |even: f64, odd: f64| -> Vec<f64> {
            losses.iter().enumerate().map(|(image, loss)| loss + if image % 2 == 0 { even } else { odd }).collect()
        };
        let reference = [per_image(&losses, &[0.1, 0.12, 0.11])];
        let winner = |even, odd| [per_image(&other(even, odd), &[0.6, 0.62, 0.61])];
        assert_eq!(Verdict::of(&reference, &winner(0.05, -0.04)).unwrap().word, Word::UnderFits);
        let not_shown = Verdict::of(&reference, &winner(0.04, -0.05)).unwrap();
        assert!(not_shown.word == Word::NotShown && not_shown.sentence.contains("learns its training images less"));
    }

    #[test]
    fn what_is_not_shown_says_how_many_images_would_do() {
        let verdict = Verdict::of(&judged(40, 1.2, 0.2, 0), &judged(40, 1.175, 0.2, 3)).unwrap();
        // The difference of these draws is -0.045 ± 0.024.
        assert!(verdict.word == Word::NotShown && verdict.val_loss.mean < 0.0, "{verdict:?}");
        assert!(verdict.images_needed.unwrap() > 40 && verdict.sentence.contains("such val images"), "{verdict:?}");
        let difference = PairedDifference { mean: -0.1, se: 0.1, low: -0.3, high: 0.1 };
        assert_eq!(images_needed(&difference, 100), Some(790));
        assert_eq!((two_digits(7.2), two_digits(99.9), two_digits(1001.0)), (8, 100, 1100));
    }

    #[test]
    fn three_seeds_are_tested_over_seeds() {
        let over = |val, probe, offset: u32| -> Vec<PerImage> {
            (0..3).flat_map(|seed| judged(50, val, probe, offset + seed)).collect()
        };
        let verdict = Verdict::of(&over(1.2, 0.2, 0), &over(0.8, 0.5, 9)).unwrap();
        assert!(verdict.p_seeds.unwrap() < 0.05 && verdict.sentence.contains("Over 3 seeds"), "{}", verdict.sentence);
    }
}
