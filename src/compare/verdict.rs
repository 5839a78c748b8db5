//! What a comparison says in words: a real win, a gap closed by under-fitting, or nothing shown.

use serde::{Deserialize, Serialize};

use super::{Against, Compared};

/// Level at which the corrected p-value is read.
const LEVEL: f64 = 0.05;

/// What was found of a preset against the baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is what the others are compared with.
    Baseline,
    /// Its val loss is lower, and more than chance between seeds.
    Better,
    /// Its gap is smaller because it fits the training images worse, and val is no better.
    UnderFits,
    /// Its val loss is higher, and more than chance between seeds.
    Worse,
    /// Neither is shown with so many seeds.
    NotShown,
}

impl Verdict {
    /// The finding behind these differences.
    pub fn of(against: &Against) -> Self {
        let shown = against.val_loss.p_holm.is_some_and(|p| p < LEVEL);
        let below_zero = |interval: Option<[f64; 2]>| interval.is_some_and(|[_, high]| high < 0.0);
        let above_zero = |interval: Option<[f64; 2]>| interval.is_some_and(|[low, _]| low > 0.0);
        let fits_worse = above_zero(against.probe_loss.this_recipe) && below_zero(against.gap_loss.this_recipe);
        match against.val_loss.mean {
            mean if shown && mean < 0.0 => Self::Better,
            mean if fits_worse && mean >= 0.0 => Self::UnderFits,
            _ if shown => Self::Worse,
            _ => Self::NotShown,
        }
    }
}

/// The verdict in one sentence.
pub(super) fn sentence(baseline: &str, presets: &[Compared]) -> String {
    let found = |finding| presets.iter().filter(move |preset| preset.finding == finding);
    let names = |finding| {
        let names: Vec<String> = found(finding).map(|preset| format!("`{}`", preset.preset)).collect();
        names.join(", ")
    };
    let loss = |preset: &&Compared| preset.figures.val_loss.mean;
    let best = found(Verdict::Better).min_by(|a, b| loss(a).total_cmp(&loss(b)));
    let seeds = presets.iter().map(|preset| preset.figures.val_loss.n).max().unwrap_or_default();
    let mut text = match best.and_then(|preset| Some((preset, preset.against.as_ref()?))) {
        Some((preset, against)) => {
            let delta = &against.val_loss;
            let interval = delta
                .this_recipe
                .map_or(String::new(), |[low, high]| format!(", 95 % interval {:.3} to {:.3} over seeds", -high, -low));
            let p = delta.p_holm.map_or(String::new(), |p| format!(", {} after Holm's correction", p_value(p)));
            format!(
                "`{}` is better than `{baseline}`: its val loss is lower by {:.3} nats ({} seeds{interval}{p})",
                preset.preset,
                -delta.mean,
                against.seeds.len()
            )
        }
        None if seeds < 3 => {
            format!(
                "No preset is shown to be better than `{baseline}`: {seeds} seeds tell nothing about seeds, three are the least"
            )
        }
        None => format!("No preset is shown to be better than `{baseline}` with {seeds} seeds"),
    };
    let others = found(Verdict::Better).filter(|preset| best.is_none_or(|best| preset.preset != best.preset));
    let others: Vec<String> = others
        .filter_map(|preset| Some(format!("`{}` by {:.3}", preset.preset, -preset.against.as_ref()?.val_loss.mean)))
        .collect();
    if !others.is_empty() {
        text += &format!("; better too: {}", others.join(", "));
    }
    let under = names(Verdict::UnderFits);
    if !under.is_empty() {
        text +=
            &format!("; the smaller gap of {under} is under-fitting: the probe's loss is higher and val is no better");
    }
    let worse = names(Verdict::Worse);
    if !worse.is_empty() {
        text += &format!("; {worse} made val loss higher");
    }
    let not_shown = names(Verdict::NotShown);
    if !not_shown.is_empty() && best.is_some() {
        text += &format!("; for {not_shown} a difference is not shown with this number of seeds");
    }
    text + "."
}

/// A p-value as people write it.
pub(super) fn p_value(p: f64) -> String {
    if p < 0.001 { "p < 0.001".into() } else { format!("p = {p:.3}") }
}
