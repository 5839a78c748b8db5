//! A phase of the schedule: how long it lasts, and the curve that the learning rate follows in it.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use super::CycleMode;

/// One stretch of the schedule, in TOML a `[[schedule]]` table with `epochs`, `kind` and the keys of that kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    /// Its length in epochs, above 0; fractions are allowed.
    pub epochs: f64,
    /// The course of the rate in it.
    #[serde(flatten)]
    pub curve: Curve,
}

/// The course of the rate in a phase. Rates are factors of the recipe's `lr`, from 0; lengths are in epochs, above 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Curve {
    /// One rate throughout.
    Constant {
        /// The rate.
        factor: f64,
    },
    /// Steps down, every so often or at given moments (PyTorch's `StepLR` and `MultiStepLR`). Takes `every` or
    /// `milestones`.
    Step {
        /// The rate before the first step down.
        factor: f64,
        /// What each step down multiplies the rate by, in (0, 1].
        decay: f64,
        /// Epochs between two steps down.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        every: Option<f64>,
        /// Epochs since the beginning of the phase at which the rate steps down, increasing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        milestones: Option<Vec<f64>>,
    },
    /// Half a cosine over the length of the phase (Loshchilov and Hutter 2017, without restarts).
    Cosine {
        /// The rate at its beginning.
        from: f64,
        /// The rate at its end.
        to: f64,
    },
    /// Half a cosine up, another one down (Smith and Topin 2018).
    OneCycle {
        /// The rate at its beginning.
        start: f64,
        /// The rate at the top.
        peak: f64,
        /// The rate at its end.
        end: f64,
        /// Share of the phase that goes up, in (0, 1).
        rise: f64,
    },
    /// Straight up and straight down, again and again (Smith 2017; PyTorch's `CyclicLR`).
    Cyclic {
        /// The rate at the bottom.
        low: f64,
        /// The rate at the top of the first cycle.
        high: f64,
        /// Epochs from the bottom to the top.
        up: f64,
        /// Epochs from the top to the bottom.
        down: f64,
        /// How the swing changes from cycle to cycle.
        #[serde(default = "triangular")]
        mode: CycleMode,
        /// What mode `exp_range` multiplies the swing by at every step, in (0, 1], as in PyTorch; other modes do not
        /// read it.
        #[serde(default = "one")]
        gamma: f64,
    },
    /// A straight line over the length of the phase, up or down (PyTorch's `LinearLR`). Recipes of before the kind had
    /// this name call it `warmup`.
    #[serde(alias = "warmup")]
    Linear {
        /// The rate at its beginning.
        from: f64,
        /// The rate at its end.
        to: f64,
    },
}

fn triangular() -> CycleMode {
    CycleMode::Triangular
}

fn one() -> f64 {
    1.0
}

impl Curve {
    /// The words for `kind`.
    pub const KINDS: [&'static str; 6] = ["constant", "step", "cosine", "one-cycle", "cyclic", "linear"];

    /// A curve of that kind with every key present: what a `[[schedule]]` table may hold, by name and type.
    pub(super) fn with_every_key(kind: &str) -> Option<Self> {
        Some(match kind {
            "constant" => Self::Constant { factor: 1.0 },
            "step" => Self::Step { factor: 1.0, decay: 0.1, every: Some(30.0), milestones: Some(vec![30.0]) },
            "cosine" => Self::Cosine { from: 1.0, to: 0.0 },
            "one-cycle" => Self::OneCycle { start: 0.04, peak: 1.0, end: 0.0, rise: 0.3 },
            "cyclic" => {
                Self::Cyclic { low: 0.0, high: 1.0, up: 2.0, down: 2.0, mode: CycleMode::Triangular, gamma: 1.0 }
            }
            "linear" | "warmup" => Self::Linear { from: 0.0, to: 1.0 },
            _ => return None,
        })
    }

    /// The factor of `lr` at `step` of a phase of `steps` steps, both counted from its beginning.
    ///
    /// Past its end a curve that has one stays there; a constant, step or cyclic one continues.
    pub fn factor(&self, step: f64, steps: f64, steps_per_epoch: f64) -> f64 {
        let progress = if steps > 0.0 { (step / steps).min(1.0) } else { 1.0 };
        match self {
            Self::Constant { factor } => *factor,
            Self::Step { factor, decay, every, milestones } => {
                let at_moments = milestones.iter().flatten().filter(|epoch| (*epoch * steps_per_epoch).round() <= step);
                // Counts the multiples of `every` that round to this step or an earlier one.
                let at_intervals = every.map_or(0.0, |epochs| ((step + 0.5) / (epochs * steps_per_epoch)).ceil() - 1.0);
                factor * decay.powf(at_moments.count() as f64 + at_intervals)
            }
            Self::Cosine { from, to } => half_cosine(*from, *to, progress),
            Self::OneCycle { start, peak, rise, .. } if progress < *rise => half_cosine(*start, *peak, progress / rise),
            Self::OneCycle { peak, end, rise, .. } => half_cosine(*peak, *end, (progress - rise) / (1.0 - rise)),
            Self::Cyclic { low, high, up, down, mode, gamma } => {
                // In steps, which are whole numbers: nothing cancels near the bottom.
                let (up, down) = (up * steps_per_epoch, down * steps_per_epoch);
                let place = step % (up + down);
                let cycle = ((step - place) / (up + down)).round();
                let height = if place <= up { place / up } else { (up + down - place) / down };
                let swing = match mode {
                    CycleMode::Triangular => 1.0,
                    CycleMode::Triangular2 => 0.5f64.powf(cycle),
                    CycleMode::ExpRange => gamma.powf(step),
                };
                low + (high - low) * height * swing
            }
            Self::Linear { from, to } => from + (to - from) * progress,
        }
    }

    /// The factor of `lr` at which the curve begins.
    pub(super) fn beginning(&self) -> f64 {
        // Steps so short that none of the curve's own lengths rounds down to its first.
        self.factor(0.0, 1e9, 1e9)
    }

    /// The curve drawn out: every length within it goes through `stretch`, which multiplies by `ratio`.
    pub(super) fn stretch(&mut self, stretch: impl Fn(&mut f64), ratio: f64) {
        match self {
            Self::Step { every, milestones, .. } => {
                every.iter_mut().chain(milestones.iter_mut().flatten()).for_each(stretch)
            }
            Self::Cyclic { up, down, mode, gamma, .. } => {
                [up, down].into_iter().for_each(stretch);
                // `gamma` counts steps, of which there are now `ratio` times as many.
                if *mode == CycleMode::ExpRange {
                    *gamma = gamma.powf(1.0 / ratio);
                }
            }
            Self::Constant { .. } | Self::Cosine { .. } | Self::OneCycle { .. } | Self::Linear { .. } => {}
        }
    }
}

/// From `from` at 0 to `to` at 1, level at both ends.
fn half_cosine(from: f64, to: f64, progress: f64) -> f64 {
    to + (from - to) * (1.0 + (PI * progress).cos()) / 2.0
}

/// The nearest number of 15 decimal digits, as many as every `f64` can keep.
///
/// A tenth of 0.05 is 0.005 on paper and 0.005000000000000001 in binary. Rounded here the rates that a recipe means are
/// recorded as it writes them, and no rate moves by more than 5e-15 of itself.
pub(super) fn tidy(number: f64) -> f64 {
    let digits = f64::DIGITS as usize - 1;
    format!("{number:.digits$e}").parse().unwrap_or(number)
}
