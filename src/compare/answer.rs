//! The answers to the question of a comparison, from the paired differences of its presets.

use serde::{Deserialize, Serialize};

use super::{
    question::{Cost, Question, Stopped},
    verdict::LEVEL,
};
use crate::stats::{
    self, LEAST_PAIRS, SequentialT, equivalence_p, holm, paired_t, pairs_needed, sd_interval, sequential_p_of_margin,
    sequential_pairs_needed,
};

/// The power with which a difference is to be found.
const POWER: f64 = 0.8;

/// The sequential test of a preset against the baseline, which keeps its error rate at every check.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sequential {
    /// How many times the test was computed, once for each seed from the third on.
    pub looks: usize,
    /// E-value for a mean difference of zero.
    pub e: f64,
    /// p-value for a mean difference of zero.
    pub p: f64,
    /// p-value after Holm's correction over all presets of the comparison.
    pub p_holm: f64,
    /// Lower end of the 95 % confidence sequence of the mean difference, in nats; absent where nothing is excluded yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// Upper end of the 95 % confidence sequence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// Seeds in all at which the answer would stand if mean and spread of the differences stayed as they are; absent where it
    /// stands, and where no number of seeds would do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seeds_needed: Option<usize>,
    /// Why the preset gets no further seeds; absent while it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stopped>,
}

/// What it takes to tell the difference asked for, and whether a larger one is excluded.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Detection {
    /// Standard deviation of the differences over seeds, in nats.
    pub sd: f64,
    /// Seeds with which a paired t-test finds the difference with 80 % power, at 5 % divided by the number of presets compared;
    /// absent where 100,000 do not suffice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seeds: Option<usize>,
    /// Seeds if the standard deviation lies at the lower end of its 95 % interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seeds_low: Option<usize>,
    /// Seeds if it lies at the upper end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seeds_high: Option<usize>,
    /// p-value for a difference as large as that asked for, or larger, after Holm's correction.
    pub p_no_difference: f64,
}

/// The answer about one preset.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Answer {
    /// The sequential test, where seeds are added until the answers stand.
    pub sequential: Option<Sequential>,
    /// p-value for a difference as large as that asked for, or larger, after Holm's correction; from three seeds on.
    pub p_no_difference: Option<f64>,
}

impl Detection {
    /// What telling `margin` nats takes of a preset with these differences, one of `presets` compared; None below three seeds.
    pub(super) fn of(differences: &[f64], margin: f64, presets: usize, p_no_difference: f64) -> Option<Self> {
        if differences.len() < LEAST_PAIRS {
            return None;
        }
        let sd = stats::sample_sd(differences);
        let seeds = |sd: f64| pairs_needed(margin / sd, LEVEL / presets as f64, POWER);
        let [low, high] = sd_interval(sd, differences.len());
        Some(Self { sd, seeds: seeds(sd), seeds_low: seeds(low), seeds_high: seeds(high), p_no_difference })
    }
}

impl Answer {
    /// Whether a difference as large as that asked for is excluded.
    pub fn excludes_difference(&self) -> bool {
        self.p_no_difference.is_some_and(|p| p < LEVEL)
    }
}

/// The answers to `question` about presets with these paired differences, seed by seed in their order. `cost` gives the training
/// time so far, and that of one more seed of the presets that it is told are still in question.
pub fn answers(differences: &[&[f64]], question: &Question, cost: impl Fn(&[bool]) -> Cost) -> Vec<Answer> {
    let mut answers: Vec<Answer> = vec![Answer::default(); differences.len()];
    if let Some(margin) = question.detect {
        let tests = differences.iter().map(|values| p_of_margin(values, margin, question.until_verdict));
        let corrected = holm(&tests.collect::<Vec<f64>>());
        for (answer, p) in answers.iter_mut().zip(corrected) {
            answer.p_no_difference = Some(p).filter(|p| !p.is_nan());
        }
    }
    if !question.until_verdict {
        return answers;
    }
    let tests: Vec<Option<SequentialT>> = differences.iter().map(|values| SequentialT::of(values)).collect();
    let p: Vec<f64> = tests.iter().map(|test| test.map_or(f64::NAN, |test| test.p)).collect();
    for ((answer, test), p_holm) in answers.iter_mut().zip(&tests).zip(holm(&p)) {
        answer.sequential = Some(sequential(*test, p_holm, answer.excludes_difference()));
    }
    let is_open: Vec<bool> =
        answers.iter().map(|answer| answer.sequential.is_some_and(|test| test.stopped.is_none())).collect();
    let open = is_open.iter().filter(|open| **open).count();
    let cost = cost(&is_open);
    for (answer, values) in answers.iter_mut().zip(differences) {
        if let Some(test) = answer.sequential.as_mut().filter(|test| test.stopped.is_none()) {
            foresee(test, values, question, LEVEL / open as f64, cost);
        }
    }
    answers
}

/// The p-value for a difference of `margin` or more; NaN, which is not counted, below three seeds and where a difference is not
/// a number.
fn p_of_margin(differences: &[f64], margin: f64, is_sequential: bool) -> f64 {
    let p =
        if is_sequential { sequential_p_of_margin(differences, margin) } else { equivalence_p(differences, margin) };
    p.unwrap_or(f64::NAN)
}

fn sequential(test: Option<SequentialT>, p_holm: f64, excludes_difference: bool) -> Sequential {
    let Some(test) = test else {
        let (p, stopped) = (1.0, Some(Stopped::NotANumber));
        return Sequential { looks: 0, e: 1.0, p, p_holm: p, low: None, high: None, seeds_needed: None, stopped };
    };
    Sequential {
        looks: test.looks,
        e: test.e,
        p: test.p,
        p_holm,
        low: test.interval.map(|[low, _]| low),
        high: test.interval.map(|[_, high]| high),
        seeds_needed: None,
        stopped: (p_holm < LEVEL || excludes_difference).then_some(Stopped::Answered),
    }
}

/// Says of a preset without an answer how many seeds it needs, and whether it may have them.
fn foresee(test: &mut Sequential, differences: &[f64], question: &Question, level: f64, cost: Cost) {
    let seeds = differences.len();
    test.stopped = question.limit(seeds, cost);
    let Some(plain) = paired_t(differences) else { return };
    let sd = stats::sample_sd(differences);
    let needed = |largest: f64, smallest: f64| {
        let to_show = sequential_pairs_needed(largest / sd, seeds, level);
        let room = question.detect.map(|margin| margin - smallest).filter(|room| *room > 0.0);
        let to_exclude = room.and_then(|room| sequential_pairs_needed(room / sd, seeds, level));
        to_show.into_iter().chain(to_exclude).min()
    };
    test.seeds_needed = needed(plain.mean.abs(), plain.mean.abs());
    let [low, high] = plain.interval;
    let smallest = if low <= 0.0 && high >= 0.0 { 0.0 } else { low.abs().min(high.abs()) };
    let soonest = needed(low.abs().max(high.abs()), smallest);
    if test.stopped.is_none() && soonest.is_none_or(|soonest| soonest > question.reach(seeds, cost)) {
        test.stopped = Some(Stopped::OutOfReach);
    }
}
