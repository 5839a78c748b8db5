//! The targets that end a search early.

use anyhow::Result;

use super::session::Session;
use mindgap::{
    search::{Half, PairedDifference, PerImage, Trial},
    stats::{clustered_error, student_quantile, wilson_bounds},
};

impl Session {
    /// Checks whether a finished trial is shown to meet the targets, and notes it. The half of val that selects is asked first; the
    /// other half decides, at 2.5 % for the first trial that it is asked about, half as much for each further one, so that all of them
    /// together are wrong in at most 5 % of searches.
    pub fn check_target(&mut self, trial: &Trial) -> Result<()> {
        let has_target = self.record.target_gap.is_some() || self.record.target_acc.is_some();
        if !has_target || self.record.met.is_some() || !self.meets(trial, Half::Selection, 0.05)? {
            return Ok(());
        }
        self.record.target_checks += 1;
        let level = 0.05 / 2f64.powi(self.record.target_checks as i32);
        if self.meets(trial, Half::Verdict, level)? {
            self.record.met = self.record.trials.iter().position(|other| other.key() == trial.key());
            let name = self.record.candidates[trial.candidate].name.clone();
            self.record.note(
                "The search ended because the target was shown to be met on the half of val that the verdict is about, so that the \
                 verdict is a little optimistic.",
            );
            self.tell(format_args!(
                "The target is met: {name} is shown to meet it on the half of val that selected nothing."
            ));
        }
        Ok(())
    }

    /// Whether a one-sided test at `level` shows that the trial meets the targets on a half of val.
    fn meets(&self, trial: &Trial, half: Half, level: f64) -> Result<bool> {
        let images = PerImage::read(&self.trial_folders(trial)?, half)?;
        let score = images.score();
        let z = student_quantile(1.0 - level, images.freedom());
        let independent = match &images.groups {
            Some(groups) => {
                let error = clustered_error(&images.hits, groups);
                independent_images(score.val_acc, error, images.freedom() + 1.0, score.images as f64)
            }
            None => score.images as f64,
        };
        let accuracy = accuracy_below(score.val_acc, independent, z);
        // What is not known meets no target.
        if self.record.target_acc.is_some_and(|target| accuracy.is_nan() || accuracy < target) {
            return Ok(false);
        }
        let Some(target) = self.record.target_gap else { return Ok(true) };
        let reference = PerImage::read(&self.reference_folders(self.record.seed)?, half)?;
        let better = PairedDifference::of_loss(&images, &reference)?;
        let gap_reach = student_quantile(1.0 - level, images.freedom_of_gap()) * score.gap_loss_se;
        Ok(score.gap_loss + gap_reach <= target && better.mean + z * better.se < 0.0)
    }
}

/// The lower end of the one-sided interval of an accuracy \[%\] over this number of independent images.
fn accuracy_below(accuracy: f64, images: f64, z: f64) -> f64 {
    100.0 * wilson_bounds(accuracy / 100.0, images, z)[0]
}

/// How many independent images say as much about an accuracy \[%\], whose standard error is `error` \[0–1\], as this number of `images` in `groups`: one a
/// group where all groups are alike.
fn independent_images(accuracy: f64, error: f64, groups: f64, images: f64) -> f64 {
    let share = accuracy / 100.0;
    (share * (1.0 - share) / (error * error)).max(groups).min(images)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_accuracy_is_shown_from_its_lower_end_on() {
        let low = accuracy_below(90.0, 100.0, 1.645);
        assert!((83.0..85.0).contains(&low), "{low}");
        assert!(accuracy_below(90.0, 10_000.0, 1.645) > 89.4);
        assert!(accuracy_below(100.0, 10.0, 1.645) < 80.0);
    }

    #[test]
    fn images_of_a_group_count_as_what_they_say() {
        let independent = |accuracy, error| independent_images(accuracy, error, 3.0, 10.0);
        // All alike: a group is an image.
        assert_eq!(independent(100.0, 0.0), 3.0);
        assert!((independent(50.0, 0.2) - 6.25).abs() < 1e-9);
        assert_eq!(independent(50.0, 0.01), 10.0);
    }
}
