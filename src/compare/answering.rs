//! Answers the question of a comparison.

use super::{
    Compared, Comparison, Question, Verdict,
    answer::{Answer, Detection, answers},
    question::Cost,
    sentence::sentence,
};

impl Comparison {
    /// This comparison with the answers to `question`: which presets differ, which differ by no more than the difference that
    /// is to be told, how many seeds the others need, and which get no further ones. All of it is a function of the finished
    /// runs.
    pub fn answering(mut self, question: Question) -> Self {
        let differences: Vec<&[f64]> = self.compared().map(differences).collect();
        let found = answers(&differences, &question, |is_open| self.cost(&question, is_open));
        let compared = differences.len();
        let baseline = &self.baseline;
        for (preset, answer) in self.presets.iter_mut().filter(|preset| preset.preset != *baseline).zip(found) {
            preset.sequential = answer.sequential;
            if let (Some(margin), Some(p)) = (question.detect, answer.p_no_difference) {
                preset.detection = Detection::of(self::differences(preset), margin, compared, p);
            }
            if let Some(verdict) = verdict(preset, &answer) {
                preset.verdict = verdict;
            }
        }
        self.verdict = sentence(&self.baseline, &self.presets, self.models.as_ref(), Some(&question));
        self.question = Some(question);
        self
    }

    /// The presets of which the answers are still open, in their order: those among `presets` that get further seeds.
    pub fn open<'a>(&self, presets: &'a [String]) -> Vec<&'a String> {
        let is_open = |name: &&String| {
            let known = self.presets.iter().find(|preset| preset.preset == **name);
            **name != self.baseline
                && known.is_none_or(|preset| preset.sequential.is_none_or(|test| test.stopped.is_none()))
        };
        presets.iter().filter(is_open).collect()
    }

    /// The fewest seeds that a preset among `presets` is paired on.
    pub fn fewest_seeds(&self, presets: &[&String]) -> usize {
        let seeds = |name: &&String| {
            self.presets.iter().find(|preset| preset.preset == **name).map_or(0, Compared::paired_seeds)
        };
        presets.iter().map(seeds).min().unwrap_or_default()
    }

    /// All presets but the baseline.
    fn compared(&self) -> impl Iterator<Item = &Compared> {
        self.presets.iter().filter(|preset| preset.preset != self.baseline)
    }

    /// The training time so far, and that of a seed of the compared presets for which `is_open` holds.
    fn cost(&self, question: &Question, is_open: &[bool]) -> Cost {
        let parallel = f64::from(question.jobs.max(1));
        let seconds = self.presets.iter().filter_map(|preset| preset.figures.seconds.as_ref());
        let spent: f64 = seconds.flat_map(|seconds| &seconds.values).sum();
        let open: Vec<&Compared> =
            self.compared().zip(is_open).filter(|(_, open)| **open).map(|(one, _)| one).collect();
        let of_a_seed = self.seconds_of_a_seed(&open).unwrap_or_default();
        Cost { spent: spent / parallel, of_a_seed: of_a_seed / parallel }
    }
}

fn differences(preset: &Compared) -> &[f64] {
    preset.against.as_ref().map_or(&[], |against| &against.val_loss.values)
}

/// The verdict that an answer changes; None where that of the paired t-test stays.
fn verdict(preset: &Compared, answer: &Answer) -> Option<Verdict> {
    let against = preset.against.as_ref()?;
    let shown = match &answer.sequential {
        Some(test) => Verdict::shown(against, Some(test.p_holm)),
        None => preset.verdict,
    };
    let verdict =
        if shown == Verdict::NotShown && answer.excludes_difference() { Verdict::NoDifference } else { shown };
    // Intervals of probe and gap hold at one check alone, so that they say nothing before the answer stands.
    let is_settled = matches!(verdict, Verdict::Worse | Verdict::NoDifference);
    let under_fits = is_settled && against.val_loss.mean >= 0.0 && against.is_under_fitting();
    Some(if under_fits { Verdict::UnderFits } else { verdict })
}
