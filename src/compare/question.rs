//! What a comparison is asked beyond its figures: which difference is to be told, and whether seeds are added until the
//! answers stand.

use serde::{Deserialize, Serialize};

use crate::stats::LEAST_PAIRS;

/// The question of a comparison, as `compare.json` records it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// The difference in val loss that is to be told, in nats, above 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detect: Option<f64>,
    /// Whether seeds are added until each answer stands; the tests are then sequential.
    pub until_verdict: bool,
    /// The most seeds of a preset, where seeds are added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_seeds: Option<u32>,
    /// The most training time of all runs together, in seconds, where seeds are added: the sum of the runs' wall times divided by
    /// [`Self::jobs`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_seconds: Option<f64>,
    /// Runs at a time.
    pub jobs: u16,
}

/// What training costs here.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// Training time of the finished runs, in seconds.
    pub spent: f64,
    /// Training time of one more seed of the presets in question and of the baseline, in seconds; 0 where it is not known.
    pub of_a_seed: f64,
}

/// Why a preset gets no further seeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stopped {
    /// Its answer stands.
    Answered,
    /// No seeds within the limits can be expected to bring an answer: not even if its true difference were at that end of its 95 % interval
    /// that is shown soonest.
    OutOfReach,
    /// It has the most seeds allowed.
    MaxSeeds,
    /// Another seed would exceed the training time allowed.
    Budget,
    /// Its val loss or the baseline's is not a number in one of the seeds.
    NotANumber,
}

impl Question {
    /// Whether another seed after `seeds` exceeds a limit, and which.
    pub(super) fn limit(&self, seeds: usize, cost: Cost) -> Option<Stopped> {
        if self.max_seeds.is_some_and(|most| seeds >= most as usize) {
            return Some(Stopped::MaxSeeds);
        }
        let exceeds = self.budget_seconds.is_some_and(|budget| cost.spent + cost.of_a_seed > budget);
        exceeds.then_some(Stopped::Budget)
    }

    /// The most seeds that a preset with `seeds` seeds can have within the limits.
    pub(super) fn reach(&self, seeds: usize, cost: Cost) -> usize {
        let most = self.max_seeds.map_or(usize::MAX, |most| most as usize);
        match self.budget_seconds {
            Some(budget) if cost.of_a_seed > 0.0 => {
                let more = ((budget - cost.spent).max(0.0) / cost.of_a_seed).floor();
                most.min(seeds.saturating_add(more as usize))
            }
            _ => most,
        }
    }

    /// How many further seeds are trained before the next check, where `presets` presets in question and the baseline have
    /// `seeds` seeds: as many as the runs at a time take, and up to the first test where no time is to be kept.
    pub fn seeds_at_a_time(&self, presets: usize, seeds: usize) -> usize {
        let fitting = (usize::from(self.jobs) / (presets + 1)).max(1);
        match self.budget_seconds {
            None => fitting.max(LEAST_PAIRS.saturating_sub(seeds)),
            Some(_) => fitting,
        }
    }
}
