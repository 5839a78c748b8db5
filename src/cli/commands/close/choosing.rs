//! The winner of the search, and what came of each candidate.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use anyhow::{Context, Result};

use super::session::Session;
use mindgap::search::{Choice, Outcome, PairedDifference, PerImage, Trial, choose};

impl Session {
    /// Chooses among the candidates of the highest rung that any finished.
    pub fn choose_winner(&mut self) -> Result<()> {
        let finished = self.record.trials.iter().filter(|trial| trial.val_loss().is_some());
        let highest = finished
            .clone()
            .map(|trial| trial.rung)
            .max()
            .context("no candidate could be trained; the reasons stand above and in close.json")?;
        let mut seeds: BTreeMap<usize, BTreeMap<u64, PerImage>> = BTreeMap::new();
        for trial in finished.filter(|trial| trial.rung == highest) {
            seeds.entry(trial.candidate).or_default().insert(trial.seed, self.score(trial)?);
        }
        let common = common_seeds(seeds.values());
        let mut means = Vec::new();
        for (candidate, of_it) in seeds {
            let of_common: Vec<PerImage> =
                of_it.into_iter().filter(|(seed, _)| common.contains(seed)).map(|(_, images)| images).collect();
            if of_common.len() == common.len() {
                means.push((candidate, PerImage::mean(of_common)?));
            }
        }
        self.record.winner = match self.record.met {
            Some(index) => {
                Some(Choice { candidate: self.record.trials[index].candidate, why: "shown to meet the target".into() })
            }
            None => choose(&means)?,
        };
        let winner = self.record.winner.clone().context("a candidate finished")?;
        self.record.results = self.results(&means, highest, winner.candidate)?;
        let candidate = &self.record.candidates[winner.candidate];
        self.tell(format_args!("Winner: {} ({}): {}", candidate.name, candidate.what, winner.why));
        Ok(())
    }

    /// What became of each candidate, in words.
    fn results(&self, means: &[(usize, PerImage)], highest: usize, winner: usize) -> Result<Vec<String>> {
        let mut results = Vec::new();
        for index in 0..self.record.candidates.len() {
            let of_it = || self.record.trials.iter().filter(move |trial| trial.candidate == index);
            let failure = of_it().filter_map(|trial| match &trial.outcome {
                Some(Outcome::Failed(why)) => Some((trial.rung, why)),
                _ => None,
            });
            let failure = failure.max_by_key(|(rung, _)| *rung);
            let reached = of_it().filter(|trial| trial.val_loss().is_some()).map(|trial| trial.rung).max();
            results.push(match reached {
                _ if index == winner => "the winner".to_owned(),
                _ if failure.is_some_and(|(rung, _)| reached.is_none_or(|reached| rung > reached)) => {
                    failure.map_or(String::new(), |(rung, why)| format!("failed on rung {}: {why}", rung + 1))
                }
                None if of_it().any(|trial| trial.outcome.is_some()) => "its val loss is not a number".to_owned(),
                None => "not trained: the time was over".to_owned(),
                Some(rung) if rung == highest => {
                    let of = |candidate: usize| means.iter().find(|(other, _)| *other == candidate);
                    match (of(index), of(winner)) {
                        (Some((_, own)), Some((_, best))) => above(&PairedDifference::of_loss(own, best)?, rung),
                        _ => "behind the winner".to_owned(),
                    }
                }
                Some(rung) => {
                    let loss = |trial: &Trial| {
                        (trial.rung == rung && trial.seed == self.record.seed).then(|| trial.val_loss()).flatten()
                    };
                    let best = self.record.trials.iter().filter_map(loss).fold(f64::INFINITY, f64::min);
                    let own = of_it().find_map(loss).unwrap_or(f64::NAN);
                    format!("val loss {:.3} above the best of rung {}", own - best, rung + 1)
                }
            });
        }
        Ok(results)
    }
}

/// The seeds to choose on. Where two candidates have further seeds, those of all others say less: the choice is between the two, on the seeds
/// that both have.
fn common_seeds<'a>(candidates: impl Iterator<Item = &'a BTreeMap<u64, PerImage>>) -> BTreeSet<u64> {
    let mut seeds: Vec<BTreeSet<u64>> = candidates.map(|of_it| of_it.keys().copied().collect()).collect();
    seeds.sort_by_key(|of_it| Reverse(of_it.len()));
    match seeds.as_slice() {
        [] => BTreeSet::new(),
        [only] => only.clone(),
        [first, second, ..] => first & second,
    }
}

fn above(difference: &PairedDifference, rung: usize) -> String {
    format!("val loss {:+.3} ± {:.3} against the winner on rung {}", difference.mean, difference.se, rung + 1)
}
