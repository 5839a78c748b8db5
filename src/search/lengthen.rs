//! The winner's own training: its length, and the augmentation that fits the length.

use super::{Knob, Score, Settings};
use crate::recipe::Recipe;

/// The highest level that a long training may raise augmentation to, unless its trials had a large gap: the one above was made for the
/// search to try.
const HIGHEST: usize = 3;
/// A large gap of a trial \[nats\].
const LARGE_GAP: f64 = 0.15;
/// Epochs for which the start's augmentation was made: those of preset `closed`, about.
const USUAL_EPOCHS: u32 = 12;
/// How many times as long a training is per level.
const PER_LEVEL: f64 = 3.0;
/// The part of the objective that the teacher has, and the temperature at which the two are compared.
const TEACHERS_PART: f64 = 0.8;
const TEMPERATURE: f64 = 2.0;
/// The share of a taught winner's epochs that its teacher needs at least.
const TEACHERS_SHARE: f64 = 0.25;
/// How many times as long an epoch takes with a teacher, which measures each batch too: 1.23 times on FER2013, 1.29 on photos of 32 pixels
/// (docs/close.md).
const TAUGHT: f64 = 1.3;
/// The gap of a taught winner with its trial's augmentation, as a multiple of the trial's: 1.12 and 1.13 on FER2013 (docs/close.md).
const TAUGHT_GAP: f64 = 1.15;
/// The most epochs, unless the winner was tried for more than a fourth of them: beyond that nothing is known.
const MOST_EPOCHS: u32 = 300;
/// How many times the epochs of its longest trial the winner has at most, where that trial had twice a large gap. Measured on 300 photos in five
/// folds with very strong augmentation: val loss was 1.824 after 27 epochs and 1.816 after 67, and another winner, of 155 epochs after a
/// trial of 21, ended at 2.015 where the trial had 1.780.
const MOST_TIMES_MEMORISED: u32 = 3;
/// The most epochs of a winner that was not tried at all. Measured on 300 photos in five folds, whose winner had 245: val loss was lowest
/// after 36 to 50 of them in each fold, and the gap 0.9 nats there, 2.0 at the end.
pub(super) const MOST_UNTRIED_EPOCHS: u32 = 4 * USUAL_EPOCHS;

/// The winner's own training.
#[derive(Clone, Debug, PartialEq)]
pub struct LastTraining {
    /// Its epochs.
    pub epochs: u32,
    /// Its settings.
    pub settings: Settings,
    /// The epochs of the trial whose network teaches it, if one does.
    pub teacher: Option<u32>,
    /// Why they are not those of its trials, and why not all of the time is used.
    pub notes: Vec<String>,
}

impl LastTraining {
    /// The training of the winner with `settings`, whose `trials` with the first seed had these epochs and figures, the shortest first, where
    /// `fitting` epochs fit into the time.
    ///
    /// A network meets each image more often in a longer training, and the gap opens towards its end: on the generated faces, three
    /// levels of augmentation were within 0.05 nats of each other after 12 of 36 epochs and had 0.745, 0.685 and 0.640 after 36, in the
    /// order of their strength (docs/close.md). Trials are shorter, so that they prefer what is too weak for the long training.
    /// Augmentation therefore rises by a level for each factor of three, rounded, and two at most.
    ///
    /// Where val loss was higher after the longest trial than after a shorter one, a longer training would only make it worse: the
    /// winner is trained with a level more, as long as its longest trial or, where the better one had a large gap already, as long as
    /// that; and as long as the better one where no level is left.
    ///
    /// Where the longest trial had a large gap, or would have one if its gap grew with the length, it teaches the winner, or the better one in
    /// the case before, unless `may_be_taught` is false or the teacher was far shorter than the winner's training: what a network gives to the
    /// same images says which labels are doubtful. The time for the teacher's forward passes is taken from the epochs. What is taught needs less augmentation: where the
    /// trial's gap will not become large in a taught training, factors of three are rounded down. Where the trial had a large gap and cannot
    /// teach, or one that was twice as large, augmentation rises by one level more, to the highest of all. Measured on photos with wrong
    /// labels and on FER2013, but for the gap that is twice as large (docs/close.md).
    pub fn of(settings: &Settings, trials: &[(u32, Score)], fitting: u32, may_be_taught: bool) -> Self {
        let Some((longest, score)) = trials.last() else {
            let epochs = longest_known(fitting, None);
            return Self::lengthened(settings, USUAL_EPOCHS, None, epochs, false).unused(fitting);
        };
        let best = trials.iter().min_by(|a, b| a.1.val_loss.total_cmp(&b.1.val_loss)).unwrap_or(&trials[0]);
        // Less than that is noise of some hundred images.
        let has_risen = best.0 < *longest && score.val_loss > best.1.val_loss + 0.5 * score.gap_loss_se;
        let known = |fitting: u32| match () {
            () if has_risen => fitting.min(*longest),
            () if has_large_gap(score, 0.5) => fitting.min(MOST_TIMES_MEMORISED * longest),
            () => longest_known(fitting, Some(*longest)),
        };
        let teacher = if has_risen { best.0 } else { *longest };
        let taught = (f64::from(fitting) / TAUGHT).max(1.0) as u32;
        let is_long_enough = f64::from(teacher) >= TEACHERS_SHARE * f64::from(known(taught));
        let times = f64::from(known(fitting)) / f64::from(*longest);
        let is_taught = may_be_taught && has_large_gap(score, times) && is_long_enough;
        let fitting = if is_taught { taught } else { fitting };
        let mut last = if has_risen {
            Self::not_longer(settings, best, (*longest, score), fitting)
        } else {
            Self::lengthened(settings, *longest, Some(score), known(fitting), is_taught)
        };
        if is_taught {
            last.teacher = Some(teacher);
            last.notes.push(format!(
                "The winner is taught by its own trial of {teacher} epochs, which has {TEACHERS_PART} of the objective."
            ));
        }
        last.unused(fitting)
    }

    /// The training of what was better after `best` epochs than after the `longest` trial.
    fn not_longer(settings: &Settings, best: &(u32, Score), longest: (u32, &Score), fitting: u32) -> Self {
        let (longest, score) = longest;
        let before = settings.augmentation;
        let is_raised = before < HIGHEST;
        let level = if is_raised { before + 1 } else { before };
        let epochs = if is_raised && !has_large_gap(&best.1, 1.0) { longest } else { best.0 };
        let mut notes = vec![format!(
            "Longer training stopped helping: val loss {:.3} after {} epochs and {:.3} after {longest}.",
            best.1.val_loss, best.0, score.val_loss
        )];
        notes.extend(is_raised.then(|| format!("The winner is trained with {}.", change(before, level))));
        Self { epochs: epochs.min(fitting), settings: settings.with(Knob::Augmentation, level), teacher: None, notes }
    }

    /// The training over `epochs` epochs of what was tried for `before`.
    fn lengthened(settings: &Settings, before: u32, score: Option<&Score>, epochs: u32, is_taught: bool) -> Self {
        let times = f64::from(epochs) / f64::from(before);
        let would_be_large = |times: f64| score.is_some_and(|score| has_large_gap(score, times));
        let levels = times.max(1.0).ln() / PER_LEVEL.ln();
        let is_enough = is_taught && !would_be_large(TAUGHT_GAP);
        let levels = if is_enough { levels.floor() } else { levels.round() }.min(2.0) as usize;
        // Where val loss is far below the probe's loss the training images are hard enough.
        let is_hard = score.is_some_and(|score| score.gap_loss < -2.0 * score.gap_loss_se);
        let needs_more = would_be_large(if is_taught { 0.5 } else { 1.0 });
        let more = usize::from(needs_more && levels > 0);
        let highest = HIGHEST + more;
        let level = if is_hard || settings.augmentation >= highest {
            settings.augmentation
        } else {
            (settings.augmentation + levels + more).min(highest)
        };
        let settings_of_last = settings.with(Knob::Augmentation, level);
        let mut last = Self { epochs, settings: settings_of_last, teacher: None, notes: Vec::new() };
        if level != settings.augmentation {
            let whose = if score.is_some() { "its longest trial" } else { "the recipe that it starts from" };
            last.notes.push(format!(
                "The winner is trained for {epochs} epochs, {whose} had {before}, and a gap opens with the length: {}.",
                change(settings.augmentation, level)
            ));
        }
        last
    }

    fn unused(mut self, fitting: u32) -> Self {
        if self.epochs < fitting {
            self.notes
                .push(format!("{} epochs would have fitted into the time; the winner has {}.", fitting, self.epochs));
        }
        self
    }
}

/// Whether a gap that grows with the length is large after a training `times` as long as the one that `score` measures.
fn has_large_gap(score: &Score, times: f64) -> bool {
    score.gap_loss * times > LARGE_GAP && score.gap_loss > 2.0 * score.gap_loss_se
}

/// The epochs of a training of which something is known: of `fitting` ones no more than 300 or, where a trial had `longest`, four times
/// those; 48 without a trial.
pub fn longest_known(fitting: u32, longest: Option<u32>) -> u32 {
    let most = longest.map_or(MOST_UNTRIED_EPOCHS, |longest| MOST_EPOCHS.max(4 * longest));
    fitting.min(most)
}

/// `recipe`, taught by the network of the run folder `teacher`.
pub fn taught_by(teacher: String, recipe: Recipe) -> Recipe {
    Recipe { teacher: Some(teacher), kd_alpha: TEACHERS_PART, kd_temperature: TEMPERATURE, ..recipe }
}

/// The change of augmentation in words.
fn change(before: usize, after: usize) -> String {
    let levels = Knob::Augmentation.levels();
    format!("{} in place of {}", levels[after], levels[before])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(augmentation: usize) -> Settings {
        Settings::start(0).with(Knob::Augmentation, augmentation)
    }

    fn trial(epochs: u32, val_loss: f64, gap_loss: f64) -> (u32, Score) {
        let score = Score { images: 9, val_loss, val_acc: 80.0, probe_loss: 0.6, gap_loss, gap_loss_se: 0.05 };
        (epochs, score)
    }

    #[test]
    fn augmentation_rises_with_the_length() {
        let level = |from, epochs, gap| {
            LastTraining::of(&settings(from), &[trial(10, 0.7, gap)], epochs, false).settings.augmentation
        };
        assert_eq!([10, 17, 20, 40, 60, 300].map(|epochs| level(1, epochs, 0.1)), [1, 1, 2, 2, 3, 3]);
        assert_eq!((level(3, 90, 0.1), level(4, 90, 0.1), level(2, 90, 0.1)), (3, 4, 3));
        assert_eq!((level(1, 30, -0.05), level(1, 30, -0.2)), (2, 1));
        // A large gap of the trial: one level more, unless the training is no longer than that.
        assert_eq!([30, 10].map(|epochs| level(2, epochs, 0.2)), [4, 2]);
        assert_eq!((level(1, 30, 0.2), level(3, 30, 0.2), level(4, 30, 0.2)), (3, 4, 4));
        let untried = LastTraining::of(&settings(2), &[], 36, true);
        assert_eq!((untried.epochs, untried.settings.augmentation, untried.notes.len()), (36, 3, 1));
    }

    #[test]
    fn what_longer_training_made_worse_is_not_trained_longer() {
        let trials = [trial(10, 0.70, 0.1), trial(30, 0.75, 0.3)];
        let last = LastTraining::of(&settings(2), &trials, 90, false);
        assert_eq!((last.epochs, last.settings.augmentation), (30, 3));
        assert!(last.notes[0].contains("0.700 after 10 epochs and 0.750 after 30"), "{:?}", last.notes);
        assert_eq!(last.notes.len(), 3);
        let last = LastTraining::of(&settings(3), &trials, 90, false);
        assert_eq!((last.epochs, last.settings.augmentation, last.notes.len()), (10, 3, 2));
        // A level more does not make up for three times the length where the gap was large before.
        let trials = [trial(10, 0.70, 0.3), trial(30, 0.75, 0.6)];
        let last = LastTraining::of(&settings(2), &trials, 90, false);
        assert_eq!((last.epochs, last.settings.augmentation, last.notes.len()), (10, 3, 3));
    }

    #[test]
    fn no_training_is_far_longer_than_what_is_known() {
        let epochs =
            |longest, fitting| LastTraining::of(&settings(3), &[trial(longest, 0.7, 0.1)], fitting, false).epochs;
        assert_eq!((epochs(10, 200), epochs(10, 2000), epochs(144, 2000)), (200, 300, 576));
        assert_eq!(LastTraining::of(&settings(3), &[], 2000, false).epochs, 48);
    }

    #[test]
    fn a_trial_that_is_long_enough_teaches() {
        let last = |trials: &[(u32, Score)], fitting| {
            let last = LastTraining::of(&settings(3), trials, fitting, true);
            (last.teacher, last.epochs, last.notes.len())
        };
        let trials = [trial(4, 0.8, 0.1), trial(12, 0.7, 0.3)];
        assert_eq!(last(&trials, 31), (Some(12), 23, 1));
        // A trial with more than twice a large gap: no more than three times its epochs.
        assert_eq!(last(&[trial(12, 0.7, 0.31)], 63), (Some(12), 36, 3));
        // Of 48 epochs or more 12 are too few: a weak teacher would hold the winner back.
        assert_eq!(last(&trials, 63), (Some(12), 48, 1));
        assert_eq!(last(&trials, 65), (None, 65, 1));
        // A gap that stays small, or that may be none, leaves nothing to learn from the trial.
        assert_eq!(last(&[trial(20, 0.7, 0.101)], 29), (None, 29, 0));
        assert_eq!(last(&[trial(12, 0.7, 0.099)], 31), (None, 31, 0));
        assert_eq!(last(&[trial(20, 0.7, 0.101)], 30), (Some(20), 23, 1));
        assert_eq!(last(&[], 31), (None, 31, 0));
        // What is taught needs no level more for a large gap of the trial.
        let level =
            |is_taught| LastTraining::of(&settings(2), &[trial(12, 0.7, 0.3)], 31, is_taught).settings.augmentation;
        assert_eq!([false, true].map(level), [4, 3]);
        // Unless the gap was very large.
        let very_large = LastTraining::of(&settings(2), &[trial(12, 0.7, 0.31)], 31, true);
        assert_eq!((very_large.settings.augmentation, very_large.teacher), (4, Some(12)));
        // Where only the length makes the gap large, the teacher takes the place of the level that a factor of two would have.
        let level = |fitting, is_taught| {
            LastTraining::of(&settings(2), &[trial(9, 0.9, 0.11)], fitting, is_taught).settings.augmentation
        };
        assert_eq!([20, 24, 36].map(|fitting| level(fitting, true)), [2, 2, 3]);
        assert_eq!([20, 24, 36].map(|fitting| level(fitting, false)), [3, 3, 3]);
        let nearly_large = LastTraining::of(&settings(2), &[trial(9, 0.9, 0.14)], 24, true);
        assert_eq!((nearly_large.settings.augmentation, nearly_large.teacher), (3, Some(9)));
        // Where the longest trial was worse than a shorter one, that one teaches.
        assert_eq!(last(&[trial(10, 0.70, 0.1), trial(30, 0.75, 0.3)], 90), (Some(10), 10, 3));
        let taught = taught_by("runs/c00-r1-seed0".into(), Recipe::default());
        taught.validate().unwrap();
        assert_eq!((taught.kd_alpha, taught.kd_temperature), (0.8, 2.0));
    }
}
