//! The runs of a comparison: presets over seeds, and over folds where the data are divided into some.

use serde::{Deserialize, Serialize};

/// One run of a comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The preset.
    pub preset: String,
    /// The seed.
    pub seed: u64,
    /// The fold that validates, from 0, where a comparison trains all folds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fold: Option<u32>,
}

impl Job {
    /// The name of the job's run folder.
    pub fn name(&self) -> String {
        let fold = self.fold.map_or(String::new(), |fold| format!("-fold{fold}"));
        format!("{}-seed{}{fold}", self.preset, self.seed)
    }
}

/// Splits the fold off the name of a run: `closed-seed0-fold2` is fold 2 of `closed-seed0`.
pub fn split_fold(name: &str) -> (&str, Option<u32>) {
    let fold = |end: &str| end.strip_prefix("fold").and_then(|number| number.parse().ok());
    match name.rsplit_once(['-', '_']) {
        Some((stem, end)) if !stem.is_empty() && fold(end).is_some() => (stem, fold(end)),
        _ => (name, None),
    }
}

/// One job for every preset, each of `seeds` seeds from `first` on, and each of `folds` folds, if any. All presets with one
/// seed come before the next seed, so that a comparison cut short has compared something.
pub fn jobs(presets: &[String], first: u64, seeds: u64, folds: Option<u32>) -> Vec<Job> {
    let folds: Vec<Option<u32>> = folds.map_or(vec![None], |folds| (0..folds).map(Some).collect());
    let mut jobs = Vec::new();
    for seed in first..first + seeds {
        for &fold in &folds {
            jobs.extend(presets.iter().map(|preset| Job { preset: preset.clone(), seed, fold }));
        }
    }
    jobs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fold_at_the_end_of_a_name_is_split_off() {
        assert_eq!(split_fold("closed-seed0-fold12"), ("closed-seed0", Some(12)));
        assert_eq!(split_fold("a_fold0"), ("a", Some(0)));
        for name in ["fold3", "a-fold", "manifold3", "a-folds2", "-fold1"] {
            assert_eq!(split_fold(name), (name, None));
        }
    }

    #[test]
    fn presets_of_one_seed_come_before_the_next_seed() {
        let names = |folds| -> Vec<String> {
            jobs(&["seed".into(), "closed".into()], 3, 2, folds).iter().map(Job::name).collect()
        };
        assert_eq!(names(None), ["seed-seed3", "closed-seed3", "seed-seed4", "closed-seed4"]);
        let of_folds = names(Some(2));
        assert_eq!(of_folds[..3], ["seed-seed3-fold0", "closed-seed3-fold0", "seed-seed3-fold1"]);
        assert_eq!((of_folds.len(), &*of_folds[7]), (8, "closed-seed4-fold1"));
    }
}
