//! What a free worker does next: successive halving over time.

use super::{Rungs, Trial};

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Train a new candidate on the first rung.
    Propose,
    /// Train this candidate on this rung.
    Promote {
        /// Index of the candidate.
        candidate: usize,
        /// The rung, from 1.
        rung: usize,
    },
    /// Train this candidate on the last rung with a further seed.
    Repeat {
        /// Index of the candidate.
        candidate: usize,
        /// The seed, after the first.
        seed: u64,
    },
    /// Nothing until another trial ends.
    Wait,
    /// All trials are done.
    Done,
}

/// The most seeds of the two best candidates.
const MOST_SEEDS: u64 = 8;

/// What a free worker does next, after `trials` with seeds from `first_seed` on. `can_propose` says whether there is another candidate;
/// `is_settled` whether the two best are told apart on the last rung.
///
/// A rung is filled before the next one begins: the best of its finished trials rise as soon as no trial of it is left to
/// begin, though others of it are still being trained, so that no worker waits. When the last rung is done its two best get
/// further seeds, as long as the caller has time.
pub fn next(rungs: &Rungs, trials: &[Trial], first_seed: u64, can_propose: bool, is_settled: bool) -> Next {
    let on = |rung: usize| trials.iter().filter(move |trial| trial.rung == rung && trial.seed == first_seed);
    if on(0).count() < rungs.candidates[0] && can_propose {
        return Next::Propose;
    }
    for rung in 1..rungs.candidates.len() {
        let places = rungs.candidates[rung].min(on(rung - 1).count());
        let risen = on(rung).count();
        if risen >= places {
            continue;
        }
        let ranked = ranked(trials, rung - 1, first_seed);
        let is_risen = |candidate: usize| on(rung).any(|trial| trial.candidate == candidate);
        let below_runs = on(rung - 1).any(|trial| trial.outcome.is_none());
        // While others of the rung are in training, the best so far may rise for all places but one.
        let open = if below_runs { places - 1 } else { places };
        if risen < open
            && let Some(candidate) = ranked.into_iter().take(places).find(|&candidate| !is_risen(candidate))
        {
            return Next::Promote { candidate, rung };
        }
        if below_runs {
            return Next::Wait;
        }
    }
    let running = trials.iter().filter(|trial| trial.outcome.is_none());
    let are_two_known = running.clone().all(|trial| trial.seed != first_seed);
    let repeated = if is_settled || !are_two_known { None } else { repeat(rungs, trials, first_seed) };
    match (repeated, running.count()) {
        // A seed of each of the two at a time: after them they may be told apart.
        (Some(repeated), 0 | 1) => repeated,
        (_, 0) => Next::Done,
        _ => Next::Wait,
    }
}

/// A further seed of the two best candidates on the last rung: of the one that has fewer.
fn repeat(rungs: &Rungs, trials: &[Trial], first_seed: u64) -> Option<Next> {
    let last = rungs.candidates.len() - 1;
    let pair = two_best(trials, last, first_seed)?;
    let seeds = |candidate: usize| trials.iter().filter(|t| t.rung == last && t.candidate == candidate).count() as u64;
    let candidate = if seeds(pair[1]) < seeds(pair[0]) { pair[1] } else { pair[0] };
    let seed = first_seed + seeds(candidate);
    (seeds(candidate) < MOST_SEEDS).then_some(Next::Repeat { candidate, seed })
}

/// The two candidates of lowest val loss on `rung` with the first seed.
pub fn two_best(trials: &[Trial], rung: usize, first_seed: u64) -> Option<[usize; 2]> {
    ranked(trials, rung, first_seed).first_chunk().copied()
}

/// The candidates with a val loss on `rung` with the first seed, the best first.
fn ranked(trials: &[Trial], rung: usize, first_seed: u64) -> Vec<usize> {
    let of_rung = trials.iter().filter(|trial| trial.rung == rung && trial.seed == first_seed);
    let mut finished: Vec<(f64, usize)> =
        of_rung.filter_map(|trial| Some((trial.val_loss()?, trial.candidate))).collect();
    finished.sort_by(|a, b| a.0.total_cmp(&b.0));
    finished.into_iter().map(|(_, candidate)| candidate).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::{Outcome, Score};

    fn rungs() -> Rungs {
        Rungs { seconds: vec![10.0, 30.0], candidates: vec![6, 2] }
    }

    fn trial(candidate: usize, rung: usize, seed: u64, loss: Option<f64>) -> Trial {
        let score =
            |val_loss| Score { images: 9, val_loss, val_acc: 50.0, probe_loss: 0.5, gap_loss: 0.1, gap_loss_se: 0.1 };
        Trial { candidate, rung, seed, epochs: 3, outcome: loss.map(|loss| Outcome::Finished(score(loss))) }
    }

    #[test]
    fn a_rung_is_filled_and_its_best_third_rises() {
        let losses = [0.9, 0.5, 0.8, 0.6, 0.7, 1.0];
        let mut trials: Vec<Trial> = Vec::new();
        for (candidate, loss) in losses.into_iter().enumerate() {
            assert_eq!(next(&rungs(), &trials, 0, true, false), Next::Propose);
            trials.push(trial(candidate, 0, 0, Some(loss)));
        }
        assert_eq!(next(&rungs(), &trials, 0, true, false), Next::Promote { candidate: 1, rung: 1 });
        trials.push(trial(1, 1, 0, Some(0.4)));
        assert_eq!(next(&rungs(), &trials, 0, true, false), Next::Promote { candidate: 3, rung: 1 });
        trials.push(trial(3, 1, 0, Some(0.3)));
        // The two best get further seeds, in turn, until they are told apart.
        assert_eq!(next(&rungs(), &trials, 0, true, false), Next::Repeat { candidate: 3, seed: 1 });
        trials.push(trial(3, 1, 1, Some(0.3)));
        assert_eq!(next(&rungs(), &trials, 0, true, false), Next::Repeat { candidate: 1, seed: 1 });
        assert_eq!(next(&rungs(), &trials, 0, true, true), Next::Done);
        // A second worker trains the other one, a third waits.
        trials.push(trial(1, 1, 1, None));
        assert_eq!(next(&rungs(), &trials, 0, true, false), Next::Repeat { candidate: 3, seed: 2 });
        trials.push(trial(3, 1, 2, None));
        assert_eq!(next(&rungs(), &trials, 0, true, false), Next::Wait);
        assert_eq!(next(&rungs(), &trials, 0, true, true), Next::Wait);
    }

    #[test]
    fn no_worker_waits_while_the_best_so_far_can_rise() {
        let mut trials: Vec<Trial> = [Some(0.9), Some(0.5), Some(0.8), Some(0.6), Some(0.7), None]
            .into_iter()
            .enumerate()
            .map(|(candidate, loss)| trial(candidate, 0, 0, loss))
            .collect();
        assert_eq!(next(&rungs(), &trials, 0, true, false), Next::Promote { candidate: 1, rung: 1 });
        trials.push(trial(1, 1, 0, None));
        // The last place is kept until all of the rung are known.
        assert_eq!(next(&rungs(), &trials, 0, true, false), Next::Wait);
        trials[5] = trial(5, 0, 0, Some(0.55));
        assert_eq!(next(&rungs(), &trials, 0, true, false), Next::Promote { candidate: 5, rung: 1 });
    }

    #[test]
    fn what_failed_does_not_rise() {
        let mut trials: Vec<Trial> = (0..6).map(|candidate| trial(candidate, 0, 0, Some(f64::NAN))).collect();
        trials[2] = trial(2, 0, 0, Some(1.0));
        trials[4].outcome = Some(Outcome::Failed("no memory".into()));
        assert_eq!(next(&rungs(), &trials, 0, true, false), Next::Promote { candidate: 2, rung: 1 });
        trials.push(trial(2, 1, 0, Some(0.9)));
        assert_eq!(next(&rungs(), &trials, 0, true, false), Next::Done);
    }

    #[test]
    fn fewer_candidates_than_places_end_too() {
        let trials = vec![trial(0, 0, 0, Some(1.0))];
        assert_eq!(next(&rungs(), &trials, 0, false, false), Next::Promote { candidate: 0, rung: 1 });
        let trials = vec![trial(0, 0, 0, Some(1.0)), trial(0, 1, 0, Some(0.9))];
        assert_eq!(next(&rungs(), &trials, 0, false, false), Next::Done);
    }
}
