//! Changes of one knob, in the order in which findings ask for them.

use serde::{Deserialize, Serialize};

use super::{Knob, Settings};

/// What the findings about the reference ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// It has memorised its training images, or its gap harms.
    OverFits,
    /// It is overconfident.
    Overconfident,
    /// It does not learn its training images.
    UnderFits,
    /// Its rate is too high.
    RateTooHigh,
    /// Its rate is too low.
    RateTooLow,
    /// Some labels are wrong.
    NoisyLabels,
}

/// One step of one knob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// The knob.
    pub knob: Knob,
    /// Whether its level rises by one, or falls by one.
    pub is_up: bool,
}

impl Move {
    /// `settings` after this step; None where the knob has no further level. There are `networks` networks.
    pub fn apply(self, settings: &Settings, networks: usize) -> Option<Settings> {
        let level = settings.level(self.knob);
        let levels = if self.knob == Knob::Network { networks } else { self.knob.levels().len() };
        let level = if self.is_up { level + 1 } else { level.checked_sub(1)? };
        (level < levels).then(|| settings.with(self.knob, level))
    }
}

/// Whatever the findings, these are tried in this order: by what helped most in published and own comparisons of small
/// networks.
const GENERAL: [(Knob, bool); 18] = [
    (Knob::Network, true),
    (Knob::Augmentation, true),
    (Knob::Augmentation, false),
    (Knob::Optimizer, true),
    (Knob::Optimizer, false),
    (Knob::Network, false),
    (Knob::Rate, true),
    (Knob::Flip, false),
    (Knob::Mixing, true),
    (Knob::Decay, true),
    (Knob::Smoothing, false),
    (Knob::Dropout, true),
    (Knob::Smoothing, true),
    (Knob::Rate, false),
    (Knob::Decay, false),
    (Knob::Sharpness, true),
    (Knob::Flip, true),
    (Knob::Mixing, false),
];

/// What a need asks for first.
fn wanted(need: Need) -> &'static [(Knob, bool)] {
    match need {
        Need::OverFits => {
            &[(Knob::Augmentation, true), (Knob::Mixing, true), (Knob::Decay, true), (Knob::Dropout, true)]
        }
        Need::Overconfident => &[(Knob::Smoothing, true), (Knob::Decay, true)],
        Need::UnderFits => &[(Knob::Network, true), (Knob::Augmentation, false), (Knob::Smoothing, false)],
        Need::RateTooHigh => &[(Knob::Rate, false)],
        Need::RateTooLow => &[(Knob::Rate, true)],
        Need::NoisyLabels => &[(Knob::Smoothing, true), (Knob::Mixing, true)],
    }
}

/// All moves, each once: those that `needs` ask for, the first wish of each need before the second ones, then the general ones. The
/// first general one comes second, so that the size of the network is tried early whatever was found.
pub fn moves(needs: &[Need]) -> Vec<Move> {
    let mut ordered = Vec::new();
    let longest = needs.iter().map(|need| wanted(*need).len()).max().unwrap_or(0);
    for place in 0..longest {
        ordered.extend(needs.iter().filter_map(|need| wanted(*need).get(place)));
    }
    ordered.insert(ordered.len().min(1), &GENERAL[0]);
    ordered.extend(&GENERAL);
    let mut moves: Vec<Move> = Vec::new();
    for &(knob, is_up) in ordered {
        let step = Move { knob, is_up };
        if !moves.contains(&step) {
            moves.push(step);
        }
    }
    moves
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_decide_what_is_tried_first() {
        let first = |needs: &[Need]| -> Vec<(Knob, bool)> {
            moves(needs)[..3].iter().map(|step| (step.knob, step.is_up)).collect()
        };
        let over = [(Knob::Augmentation, true), (Knob::Network, true), (Knob::Smoothing, true)];
        assert_eq!(first(&[Need::OverFits, Need::Overconfident]), over);
        let under = [(Knob::Network, true), (Knob::Augmentation, false), (Knob::Smoothing, false)];
        assert_eq!(first(&[Need::UnderFits]), under);
        assert_eq!(first(&[Need::RateTooHigh])[0], (Knob::Rate, false));
        assert_eq!(first(&[])[0], (Knob::Network, true));
    }

    #[test]
    fn every_move_comes_once_and_leads_to_another_level() {
        let all = moves(&[Need::OverFits, Need::NoisyLabels, Need::UnderFits]);
        assert_eq!(all.len(), GENERAL.len());
        let start = Settings::start(2);
        for step in &all {
            if let Some(settings) = step.apply(&start, 5) {
                assert_ne!(settings, start, "{step:?}");
            }
        }
        let top = start.with(Knob::Augmentation, 4);
        assert_eq!(Move { knob: Knob::Augmentation, is_up: true }.apply(&top, 5), None);
        assert_eq!(Move { knob: Knob::Network, is_up: true }.apply(&start, 3), None);
        assert_eq!(Move { knob: Knob::Mixing, is_up: false }.apply(&start, 3), None);
    }
}
