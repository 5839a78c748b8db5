//! The verdict of a comparison in one sentence.

use super::{Models, Question, Verdict, Weights, compared::Compared};

/// The verdict in one sentence; where `models` were trained elsewhere, also what is known of these very models; where a
/// `question` was asked, with its answers.
pub(super) fn sentence(
    baseline: &str,
    presets: &[Compared],
    models: Option<&Models>,
    question: Option<&Question>,
) -> String {
    let better = with(Verdict::Better, presets);
    let best = better.iter().copied().min_by(|a, b| a.figures.val_loss.mean.total_cmp(&b.figures.val_loss.mean));
    let mut text = match best {
        Some(best) => improvement(best, baseline),
        None => nothing_shown(presets, baseline, models),
    };
    let mut others = Vec::new();
    for preset in better {
        if best.is_some_and(|best| best.preset != preset.preset)
            && let Some(against) = &preset.against
        {
            others.push(format!("`{}` by {:.3}", preset.preset, -against.val_loss.mean));
        }
    }
    if !others.is_empty() {
        text += &format!("; better too: {}", others.join(", "));
    }
    let under = names(Verdict::UnderFits, presets);
    if !under.is_empty() {
        text +=
            &format!("; the smaller gap of {under} is under-fitting: the probe's loss is higher and val is no better");
    }
    let worse = names(Verdict::Worse, presets);
    if !worse.is_empty() {
        text += &format!("; {worse} made val loss higher");
    }
    let same = names(Verdict::NoDifference, presets);
    if let (false, Some(margin)) = (same.is_empty(), question.and_then(|question| question.detect)) {
        text += &format!("; for {same} no difference larger than {margin} nats is left");
    }
    let not_shown = names(Verdict::NotShown, presets);
    if question.is_some() {
        text += &still_open(&with(Verdict::NotShown, presets));
    } else if !not_shown.is_empty() && best.is_some() {
        text += &format!("; for {not_shown} a difference is not shown with this number of seeds");
    }
    if models.is_some_and(|models| models.weights == Weights::Best) {
        text += "; all of it of each run's best epoch, which is optimistic, since the same images chose it";
    }
    text + "."
}

fn with(verdict: Verdict, presets: &[Compared]) -> Vec<&Compared> {
    presets.iter().filter(|preset| preset.verdict == verdict).collect()
}

fn names(verdict: Verdict, presets: &[Compared]) -> String {
    let names: Vec<String> = with(verdict, presets).iter().map(|preset| format!("`{}`", preset.preset)).collect();
    names.join(", ")
}

/// What is not shown yet of these presets, and how many seeds more it takes.
fn still_open(presets: &[&Compared]) -> String {
    let mut text = String::new();
    for preset in presets {
        text += &format!("; for `{}` a difference is not shown yet", preset.preset);
        if let Some(more) = preset.seeds_to_go_in_words() {
            text += &format!(", which needs about {more}");
        }
    }
    text
}

/// How far `best` is below the baseline, and how surely.
fn improvement(best: &Compared, baseline: &str) -> String {
    let Some(against) = &best.against else { return String::new() };
    let delta = &against.val_loss;
    let interval = match best.interval_over_seeds() {
        Some([low, high]) => {
            let over = if best.folds.is_some() { "folds and seeds" } else { "seeds" };
            format!(", 95 % interval {:.3} to {:.3} over {over}", -high, -low)
        }
        None => String::new(),
    };
    let p = match best.p_holm() {
        Some(p) => format!(", {} after Holm's correction", p_value(p)),
        None => String::new(),
    };
    format!(
        "`{}` is better than `{baseline}`: its val loss is lower by {:.3} nats ({}{interval}{p})",
        best.preset,
        -delta.mean,
        runs_of_each(best.folds, against.seeds.len())
    )
}

/// How many runs each preset has: `5 folds`, `3 seeds`, `5 folds of 3 seeds`.
fn runs_of_each(folds: Option<u32>, seeds: usize) -> String {
    match folds {
        Some(folds) if seeds == 1 => format!("{folds} folds"),
        Some(folds) => format!("{folds} folds of {seeds} seeds"),
        None => format!("{seeds} seeds"),
    }
}

fn nothing_shown(presets: &[Compared], baseline: &str, models: Option<&Models>) -> String {
    let what = if models.is_some() { "recipe" } else { "preset" };
    let against = || presets.iter().filter_map(|preset| preset.against.as_ref());
    let Some(seeds) = against().map(|against| against.seeds.len()).max() else {
        return format!(
            "No {what} is shown to be better than `{baseline}`: none has a finished run of a seed that it has"
        );
    };
    let is_tested = against().any(|against| against.val_loss.p.is_some());
    let folds = presets.first().and_then(|preset| preset.folds);
    if models.is_some() {
        let tested = match folds {
            None if seeds == 1 => "one model each".to_owned(),
            _ => runs_of_each(folds, seeds),
        };
        let least = if is_tested { "" } else { ", and three seeds are the least" };
        return format!(
            "No recipe is shown to be better than `{baseline}` with {tested}{least}{}",
            these_models(presets, baseline)
        );
    }
    if !is_tested {
        return format!(
            "No preset is shown to be better than `{baseline}`: chance between seeds cannot be judged from {seeds} seeds, three are the least"
        );
    }
    format!("No preset is shown to be better than `{baseline}` with {}", runs_of_each(folds, seeds))
}

/// What the images say of these very models, whatever other seeds would give: of the one with the lowest val loss.
fn these_models(presets: &[Compared], baseline: &str) -> String {
    let others = presets.iter().filter_map(|preset| Some((preset, preset.against.as_ref()?)));
    let Some((lowest, against)) = others.min_by(|a, b| a.1.val_loss.mean.total_cmp(&b.1.val_loss.mean)) else {
        return String::new();
    };
    let Some([low, high]) = against.val_loss.ci_images else { return String::new() };
    let difference = against.val_loss.mean;
    let side = if difference < 0.0 { "below" } else { "above" };
    let clear = if low > 0.0 || high < 0.0 { "" } else { ", which holds 0" };
    format!(
        "; of these very models `{}` has a val loss {:.3} nats {side} `{baseline}` (95 % interval over images {low:+.3} to {high:+.3}{clear})",
        lowest.preset,
        difference.abs()
    )
}

/// A p-value for a sentence or a table.
pub(super) fn p_value(p: f64) -> String {
    if p < 0.001 { "p < 0.001".into() } else { format!("p = {p:.3}") }
}
