//! The runs of a comparison: presets over seeds.

use serde::{Deserialize, Serialize};

/// One run of a comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The preset.
    pub preset: String,
    /// The seed.
    pub seed: u64,
}

impl Job {
    /// The name of the job's run folder.
    pub fn name(&self) -> String {
        format!("{}-seed{}", self.preset, self.seed)
    }
}

/// One job for every preset and each of `seeds` seeds from `first` on. All presets with one seed come before the next
/// seed, so that a comparison cut short has compared something.
pub fn jobs(presets: &[String], first: u64, seeds: u64) -> Vec<Job> {
    let mut jobs = Vec::new();
    for seed in first..first + seeds {
        for preset in presets {
            jobs.push(Job { preset: preset.clone(), seed });
        }
    }
    jobs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_of_one_seed_come_before_the_next_seed() {
        let names: Vec<String> = jobs(&["seed".into(), "closed".into()], 3, 2).iter().map(Job::name).collect();
        assert_eq!(names, ["seed-seed3", "closed-seed3", "seed-seed4", "closed-seed4"]);
    }
}
