//! The candidates of a search, and which one comes next.

use serde::{Deserialize, Serialize};

use super::{Knob, Move, Network, Settings, Trial};

/// A recipe that the search tries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its name: `c03`.
    pub name: String,
    /// What it is, in words.
    pub what: String,
    /// Why it is tried.
    pub why: String,
    /// Its settings; None for the reference's own knobs.
    pub settings: Option<Settings>,
}

impl Candidate {
    /// The first candidate of a search. With `is_own` optimizer, rate and batch size are those of the user's recipe.
    pub fn start(settings: Settings, networks: &[Network], is_own: bool) -> Self {
        let closed = Settings::start(settings.network);
        let closed = if is_own { closed.with(Knob::Optimizer, settings.optimizer) } else { closed };
        let mut but = vec![settings.differences(&closed, networks)];
        but.extend(is_own.then(|| "the reference's optimizer".to_owned()));
        but.retain(|words| !words.is_empty());
        let but = if but.is_empty() { String::new() } else { format!(", but {}", but.join(", ")) };
        Self {
            name: super::trial::name(0),
            what: format!("the knobs of preset closed{but}; {}", networks[settings.network].words()),
            why: "what helped most on other data".into(),
            settings: Some(settings),
        }
    }

    /// The knobs of the reference, as candidate number `index`.
    pub fn reference(index: usize) -> Self {
        Self {
            name: super::trial::name(index),
            what: "the reference, its schedule stretched".into(),
            why: "the recipe that was given".into(),
            settings: None,
        }
    }
}

/// What a search may choose among.
pub struct Space<'a> {
    /// All networks of the search.
    pub networks: &'a [Network],
    /// How many of them new candidates may have: those that the time of the first rung allows.
    pub reach: usize,
    /// Whether settings amount to a recipe whose keys go together.
    pub is_valid: &'a dyn Fn(&Settings) -> bool,
}

/// The next candidate after `candidates`; None where there is none left. The first half of `most` candidates are one move away from the
/// start. Each later one changes the best so far by the best other move that helped, or by the next one in the order of
/// `moves`.
pub fn propose(
    candidates: &[Candidate],
    trials: &[Trial],
    moves: &[Move],
    space: &Space,
    most: usize,
) -> Option<Candidate> {
    let Space { networks, reach, is_valid } = space;
    let start = candidates.first()?.settings?;
    let is_new =
        |settings: &Settings| candidates.iter().all(|known| known.settings != Some(*settings)) && is_valid(settings);
    let index = candidates.len();
    let single = |from: Settings| {
        moves.iter().find_map(|step| step.apply(&from, *reach).filter(is_new).map(|found| (*step, found)))
    };
    let candidate = |settings: Settings, from: &Settings, why: String| Candidate {
        name: super::trial::name(index),
        what: settings.differences(from, networks),
        why,
        settings: Some(settings),
    };
    if index < most.div_ceil(2)
        && let Some((_, settings)) = single(start)
    {
        return Some(candidate(settings, &start, "one step from the start".into()));
    }
    let ranked = ranked(candidates, trials);
    let Some((best, best_settings)) = ranked.first().copied() else {
        let (_, settings) = single(start)?;
        return Some(candidate(settings, &start, "one step from the start".into()));
    };
    // What helped alone is tried together, the most helpful first.
    let start_place = ranked.iter().position(|(candidate, _)| *candidate == 0).unwrap_or(ranked.len());
    for (other, settings) in ranked[..start_place].iter().skip(1) {
        let joined = joined(&start, &best_settings, settings);
        if is_new(&joined) {
            let why = format!("{} and {} were better than the start", candidates[best].name, candidates[*other].name);
            return Some(Candidate { what: joined.differences(&start, networks), ..candidate(joined, &start, why) });
        }
    }
    let (_, settings) = single(best_settings).or_else(|| single(start))?;
    let what = settings.differences(&start, networks);
    Some(Candidate { what, ..candidate(settings, &start, format!("one step from {}", candidates[best].name)) })
}

/// The candidates with settings by their val loss on the lowest rung with the first seed, the best first.
fn ranked(candidates: &[Candidate], trials: &[Trial]) -> Vec<(usize, Settings)> {
    let mut ranked = Vec::new();
    for trial in trials.iter().filter(|trial| trial.rung == 0) {
        let settings = candidates.get(trial.candidate).and_then(|candidate| candidate.settings);
        if let (Some(loss), Some(settings)) = (trial.val_loss(), settings) {
            ranked.push((loss, trial.candidate, settings));
        }
    }
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
    ranked.into_iter().map(|(_, candidate, settings)| (candidate, settings)).collect()
}

/// `best` with what `other` changes of `start` and `best` leaves as it is.
fn joined(start: &Settings, best: &Settings, other: &Settings) -> Settings {
    let mut joined = *best;
    for knob in super::Knob::WITH_LEVELS.into_iter().chain([super::Knob::Network]) {
        if best.level(knob) == start.level(knob) {
            joined = joined.with(knob, other.level(knob));
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        recipe::Recipe,
        search::{Need, Outcome, Score, moves, networks},
    };

    fn finished(candidate: usize, val_loss: f64) -> Trial {
        let score = Score { images: 9, val_loss, val_acc: 50.0, probe_loss: 0.5, gap_loss: 0.1, gap_loss_se: 0.1 };
        Trial { candidate, rung: 0, seed: 0, epochs: 3, outcome: Some(Outcome::Finished(score)) }
    }

    fn space(networks: &[Network]) -> Space<'_> {
        Space { networks, reach: networks.len(), is_valid: &|_| true }
    }

    #[test]
    fn a_network_out_of_reach_and_settings_in_conflict_are_not_proposed() {
        let networks = networks(48, &Recipe::default());
        let moves = moves(&[]);
        let start = Settings::start(2);
        let large = start.with(Knob::Network, 3);
        let mut candidates = vec![Candidate::start(start, &networks, false)];
        candidates.push(Candidate { settings: Some(large), ..Candidate::reference(1) });
        // The large network was in reach, is the best, and is out of reach by now.
        let trials = [finished(0, 1.0), finished(1, 0.5)];
        let space = Space { networks: &networks, reach: 3, is_valid: &|settings| settings.mixing == 0 };
        while let Some(next) = propose(&candidates, &trials, &moves, &space, 4) {
            let settings = next.settings.unwrap();
            assert!(settings.mixing == 0 && settings.network <= 3, "{settings:?}");
            candidates.push(next);
        }
        assert!(candidates.len() > 6);
    }

    #[test]
    fn single_moves_come_first_and_what_helped_is_joined() {
        let networks = networks(48, &Recipe::default());
        let moves = moves(&[Need::OverFits]);
        let start = Settings::start(2);
        let mut candidates = vec![Candidate::start(start, &networks, false)];
        for _ in 1..3 {
            candidates.push(propose(&candidates, &[], &moves, &space(&networks), 6).unwrap());
        }
        assert_eq!(candidates[1].what, "strong augmentation");
        assert!(candidates[2].what.starts_with("resnet20, 40 channels"), "{}", candidates[2].what);

        let both = [finished(0, 1.0), finished(1, 0.9), finished(2, 0.8)];
        let next = propose(&candidates, &both, &moves, &space(&networks), 6).unwrap();
        assert_eq!(next.settings, Some(start.with(Knob::Network, 3).with(Knob::Augmentation, 3)));
        assert!(next.why.contains("c02 and c01"), "{}", next.why);

        // Nothing helped: another step from the start.
        let none = [finished(0, 0.7), finished(1, 0.9), finished(2, 0.8)];
        let next = propose(&candidates, &none, &moves, &space(&networks), 6).unwrap();
        assert_eq!(next.settings, Some(start.with(Knob::Mixing, 1)));
        // One helped: a step from it.
        let one = [finished(0, 0.8), finished(1, 0.7), finished(2, 0.9)];
        let next = propose(&candidates, &one, &moves, &space(&networks), 6).unwrap();
        assert_eq!((next.settings, &*next.why), (Some(start.with(Knob::Augmentation, 4)), "one step from c01"));
    }

    #[test]
    fn no_candidate_comes_twice_and_they_come_to_an_end() {
        let networks = &networks(48, &Recipe::default())[..1];
        let moves = moves(&[]);
        let mut candidates = vec![Candidate::start(Settings::start(0), networks, false)];
        while let Some(next) = propose(&candidates, &[], &moves, &space(networks), 100) {
            assert!(candidates.iter().all(|known| known.settings != next.settings));
            candidates.push(next);
        }
        assert_eq!(candidates.len(), 14, "the start, and one for each move that leads somewhere from it");
    }
}
