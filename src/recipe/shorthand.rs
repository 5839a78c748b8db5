//! A schedule in a few words, as timm's flags have it, turned into phases when a recipe is resolved.

use serde::{Deserialize, Serialize};
use toml::Table;

use super::{
    Curve, CycleMode, Phase, Recipe, Sched,
    keys::{self, SHORTHAND, show},
    phase::tidy,
    record::to_table,
    schedule::stretch,
    validation::{ValidationErrors, Validator},
};

/// Keys that build the schedule. They may stand wherever recipe keys may, and never in a resolved recipe.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Shorthand {
    /// The whole schedule in one word. Absent: the phases stay. timm: `--sched`.
    pub sched: Option<Sched>,
    /// Lowest rate of `cosine` (default 0), `one-cycle` (0) and `cyclic` (a fiftieth of `lr`). timm: `--min-lr`.
    pub min_lr: Option<f64>,
    /// Epochs between the steps of `step`, counted from the end of the warm-up (default: a third of what remains).
    /// timm: `--decay-epochs`.
    pub decay_epochs: Option<f64>,
    /// What each step of `step` multiplies the rate by (default 0.1). timm: `--decay-rate`.
    pub decay_rate: Option<f64>,
    /// Epochs, out of `epochs`, that climb linearly to the rate at which the rest begins, in place of a warm-up that
    /// the phases open with. Off: 0. timm: `--warmup-epochs`.
    pub warmup_epochs: Option<f64>,
    /// Rate at which the climb begins (default 0). timm: `--warmup-lr`.
    pub warmup_lr: Option<f64>,
}

impl Shorthand {
    /// Its keys; the first four shape the schedule, the last two lead up to it.
    pub(super) fn keys() -> impl Iterator<Item = &'static str> {
        SHORTHAND.iter().map(|key| key.name)
    }

    /// Parts a layer's keys into the shorthand and the recipe's own.
    pub(super) fn split(keys: Table) -> (Table, Table) {
        keys.into_iter().partition(|(key, _)| Self::keys().any(|own| own == key))
    }

    /// Removes from the keys `below` a layer what the layer's schedule replaces: a list of phases replaces phases and
    /// shorthand, a word for the whole schedule all but the warm-up.
    pub(super) fn make_way(below: &mut Table, layer: &Table) {
        let replaced = match (layer.contains_key("schedule"), layer.contains_key("sched")) {
            (true, _) => SHORTHAND.len(),
            (_, true) => 4,
            _ => return,
        };
        below.remove("schedule");
        for key in Self::keys().take(replaced) {
            below.remove(key);
        }
    }

    /// Writes the phases that the shorthand means into `recipe`, for its epochs before any multiplier.
    /// Fails with all numbers out of their range and all keys that the schedule does not read.
    pub(super) fn expand(&self, recipe: &mut Recipe) -> Result<(), ValidationErrors> {
        self.check(recipe)?;
        let warmup = self.warmup_epochs.unwrap_or(0.0);
        let rest = f64::from(recipe.epochs) - warmup;
        let schedule = &mut recipe.schedule;
        // A first phase that falls is no warm-up.
        if self.warmup_epochs.is_some()
            && matches!(schedule[..], [Phase { curve: Curve::Linear { from, to }, .. }, _, ..] if from < to)
        {
            schedule.remove(0);
        }
        match self.sched {
            Some(sched) => *schedule = vec![Phase { epochs: rest, curve: self.curve(sched, recipe.lr, rest) }],
            None => stretch(schedule, rest),
        }
        if warmup > 0.0 {
            let from = tidy(self.warmup_lr.unwrap_or(0.0) / recipe.lr);
            let to = schedule.first().map_or(1.0, |phase| phase.curve.beginning());
            schedule.insert(0, Phase { epochs: warmup, curve: Curve::Linear { from, to } });
        }
        Ok(())
    }

    fn curve(&self, sched: Sched, lr: f64, epochs: f64) -> Curve {
        let lowest = |usual: f64| self.min_lr.map_or(usual, |rate| tidy(rate / lr));
        match sched {
            Sched::Constant => Curve::Constant { factor: 1.0 },
            Sched::Step => Curve::Step {
                factor: 1.0,
                decay: self.decay_rate.unwrap_or(0.1),
                every: Some(self.decay_epochs.unwrap_or(tidy(epochs / 3.0))),
                milestones: None,
            },
            Sched::Cosine => Curve::Cosine { from: 1.0, to: lowest(0.0) },
            // PyTorch's OneCycleLR begins at a twenty-fifth of the peak and climbs for 30 % of the run.
            Sched::OneCycle => Curve::OneCycle { start: 0.04, peak: 1.0, end: lowest(0.0), rise: 0.3 },
            Sched::Cyclic => Curve::Cyclic {
                low: lowest(0.02),
                high: 1.0,
                up: 2.0,
                down: 2.0,
                mode: CycleMode::Triangular,
                gamma: 1.0,
            },
        }
    }

    fn check(&self, recipe: &Recipe) -> Result<(), ValidationErrors> {
        let mut validator = Validator::default();
        let given = to_table(self);
        for key in SHORTHAND {
            if let Some(value) = given.get(key.name) {
                key.check(value, &mut validator);
            }
        }
        for (key, rate) in [("min_lr", self.min_lr), ("warmup_lr", self.warmup_lr)] {
            if let Some(rate) = rate.filter(|rate| *rate > recipe.lr) {
                let wrong = format!("it lies above lr = {}", recipe.lr);
                validator.refuse(key, rate, wrong, "give a rate from 0 to lr");
            }
        }
        if let Some(warmup) = self.warmup_epochs.filter(|warmup| *warmup >= f64::from(recipe.epochs)) {
            let wrong = format!("nothing follows the warm-up in epochs = {}", recipe.epochs);
            validator.refuse("warmup_epochs", warmup, wrong, "give fewer, or 0 for none");
        }
        let has_steps = self.sched == Some(Sched::Step);
        let has_lowest_rate = matches!(self.sched, Some(Sched::Cosine | Sched::OneCycle | Sched::Cyclic));
        for (name, is_read) in [
            ("min_lr", has_lowest_rate),
            ("decay_epochs", has_steps),
            ("decay_rate", has_steps),
            ("warmup_lr", self.warmup_epochs.is_some()),
        ] {
            if let (Some(value), Some(key), false) = (given.get(name), keys::get(name), is_read) {
                let (wrong, remedy) = (format!("it is read with {} only", key.with), "set that too, or leave it out");
                validator.refuse(name, show(value), wrong, remedy);
            }
        }
        validator.conclude()
    }
}
