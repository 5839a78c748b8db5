//! `mindgap find-lr`: runs a learning-rate range test and suggests a rate.

mod text;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::{
    ExitStatus,
    flags::{compute::Compute, data::DataFlags, recipe::RecipeSource, weights},
    output::{overwrite::check_marked, print::print, say::say_notes},
};
use mindgap::{
    data::Dataset,
    durable,
    recipe::Recipe,
    report::{self, LR_MARK},
    run::data_flags,
    stats::{LrCurve, LrSuggestion, NoSuggestion},
    torch,
    train::{self, RangeTest, Trainer, class_weights, find_lr},
};
use text::Found;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    data: DataFlags,

    #[command(flatten)]
    source: RecipeSource,

    /// First learning rate
    #[arg(long, value_name = "RATE", default_value = "1e-7", allow_negative_numbers = true, help_heading = "Test")]
    start_lr: f64,

    /// Last learning rate; the test ends earlier where the loss diverges
    #[arg(long, value_name = "RATE", default_value = "10", allow_negative_numbers = true, help_heading = "Test")]
    end_lr: f64,

    /// Updates from the first to the last
    #[arg(long, value_name = "N", default_value_t = 400, help_heading = "Test")]
    #[arg(value_parser = clap::value_parser!(u32).range(2..=100_000))]
    num_it: u32,

    /// File for the chart, an SVG; only a chart of find-lr is overwritten
    #[arg(long, value_name = "FILE.svg", default_value = "lr.svg", help_heading = "Test")]
    chart: PathBuf,

    /// Write the recipe with the suggested rate, for `mindgap train --recipe`; no file is overwritten
    #[arg(long, value_name = "FILE.toml", help_heading = "Test")]
    apply: Option<PathBuf>,

    #[command(flatten)]
    compute: Compute,

    /// Print the result as JSON on stdout, everything else on stderr
    #[arg(long, help_heading = "Test")]
    json: bool,
}

/// Runs the test, draws its curve, and prints the suggested rate. A test that suggests none succeeds too.
/// Fails on a bad flag, file or data set, on a file in the way, and if no rate is found to be written.
pub fn run(args: &Args) -> Result<ExitStatus> {
    torch::restart_with_sleeping_threads();
    args.check_files()?;
    let source = args.data.source.clone().unwrap_or_else(|| "faces".to_owned());
    let mut asked = args.source.resolve_with(args.source.preset_for(&source).as_deref())?;
    let device = args.compute.prepare(None, None)?;
    args.compute.check_amp(&asked, device)?;
    weights::fetch(&mut asked)?;
    let data = args.data.open_without_near_leaks(&source, &asked, false)?;
    let recipe = train::complete_recipe(asked, &data);
    recipe.validate()?;
    say_notes(&data.notes);
    let test = RangeTest { start_lr: args.start_lr, end_lr: args.end_lr, num_it: args.num_it };
    let mut trainer = Trainer::new(&recipe, &data, device)?;
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len}  {msg}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(test.num_it.into()).with_style(style);
    let curve = find_lr(&mut trainer, &data, &test, |curve| show(&bar, curve));
    bar.finish_and_clear();
    let curve = curve?;

    let outcome = curve.suggest(guessing(&recipe, &shares_in(&recipe, &data)?));
    durable::write(&args.chart, report::lr_curve(&curve, outcome.as_ref().ok())?.as_bytes())?;
    let applied = args.apply.as_deref().map(|path| apply(path, &recipe, outcome).map(|()| path)).transpose();
    let found = Found {
        curve: &curve,
        outcome,
        recipe: &recipe,
        data: data_flags(&source, &args.data.selection()),
        chart: &args.chart,
        applied: applied.as_ref().ok().copied().flatten(),
    };
    let text = if args.json { serde_json::to_string_pretty(&found.json())? + "\n" } else { found.text() };
    print(text)?;
    // The result is printed even where the recipe cannot be written.
    applied.map(|_| ExitStatus::Done)
}

impl Args {
    /// Checks that the files can be written, before the test runs.
    fn check_files(&self) -> Result<()> {
        check_marked(&self.chart, "chart of a range test", "--chart", LR_MARK)?;
        if let Some(path) = &self.apply {
            ensure!(!path.exists(), "{} is there already: choose another --apply", path.display());
        }
        for path in [Some(&self.chart), self.apply.as_ref()].into_iter().flatten() {
            durable::check_writable(&durable::folder_of(path))?;
        }
        Ok(())
    }
}

/// The share that each class has of the training targets of `data`, as the objective of `recipe` weighs them.
/// Fails if a class that has a weight does not exist.
fn shares_in(recipe: &Recipe, data: &Dataset) -> Result<Vec<f64>> {
    match &data.train.soft {
        Some(soft) if !recipe.balanced_sampling => Ok(soft.class_shares(&data.train.labels)),
        _ => class_shares(recipe, &data.classes, &data.train.class_counts(data.classes.len())),
    }
}

/// Those shares of `classes` of which `counts` are the images, each with its label.
fn class_shares(recipe: &Recipe, classes: &[String], counts: &[usize]) -> Result<Vec<f64>> {
    let even = vec![1.0; classes.len()];
    let weights = class_weights::of(&recipe.class_weights, classes, counts)?;
    let weights = weights.map_or(even.clone(), |weights| weights.into_iter().map(f64::from).collect());
    let images = if recipe.balanced_sampling { even } else { counts.iter().map(|&count| count as f64).collect() };
    let sums: Vec<f64> = images.iter().zip(weights).map(|(images, weight)| images * weight).collect();
    let all: f64 = sums.iter().sum();
    Ok(sums.into_iter().map(|sum| sum / all).collect())
}

/// The loss of a model that knows only these `shares` of the classes in the training targets \[nats\]; infinite where a teacher gives
/// targets of its own.
fn guessing(recipe: &Recipe, shares: &[f64]) -> f64 {
    if recipe.is_taught() {
        return f64::INFINITY;
    }
    // Smoothing is spread evenly, and by the adjusted shares where logits are adjusted.
    let spread: Vec<f64> = shares.iter().map(|share| share.powf(recipe.logit_adjust)).collect();
    let all: f64 = spread.iter().sum();
    let mut loss = 0.0;
    for (share, spread) in shares.iter().zip(spread) {
        let smoothed = (1.0 - recipe.smoothing) * share + recipe.smoothing * spread / all;
        if smoothed > 0.0 {
            // The factor is that of the focal loss.
            loss -= smoothed * (1.0 - smoothed).powf(recipe.focal) * smoothed.ln();
        }
    }
    loss
}

/// Writes `recipe` with the suggested rates to `path`.
fn apply(path: &Path, recipe: &Recipe, outcome: Result<LrSuggestion, NoSuggestion>) -> Result<()> {
    let LrSuggestion { suggestion, low, .. } = match outcome {
        Ok(found) => found,
        Err(reason) => bail!("there is no rate to write to {}: {}", path.display(), text::with_flags(reason)),
    };
    let recipe = recipe.with_rates(suggestion, low);
    recipe.validate()?;
    durable::write(path, recipe.to_toml().as_bytes())
}

/// Shows the last update on the bar.
fn show(bar: &ProgressBar, curve: &LrCurve) {
    if let (Some(rate), Some(loss)) = (curve.rates().last(), curve.smoothed().last()) {
        bar.set_message(format!("rate {rate:.1e}, loss {loss:.3}"));
    }
    bar.inc(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guessing_is_measured_by_the_objective() {
        let plain = Recipe::default();
        let classes = ["a", "b"].map(str::to_owned);
        let loss = |recipe: &Recipe| guessing(recipe, &class_shares(recipe, &classes, &[90, 10]).unwrap());
        let entropy = -0.9 * 0.9f64.ln() - 0.1 * 0.1f64.ln();
        assert!((loss(&plain) - entropy).abs() < 1e-12);
        let balanced = Recipe { balanced_sampling: true, ..plain.clone() };
        assert!((loss(&balanced) - 2f64.ln()).abs() < 1e-12);
        // Weights as large as the other class is make both count the same; those of 1 change nothing.
        for (weights, expected) in [("balanced", 2f64.ln()), ("b=9", 2f64.ln()), ("a=1", entropy)] {
            let weighted = Recipe { class_weights: weights.parse().unwrap(), ..plain.clone() };
            assert!((loss(&weighted) - expected).abs() < 1e-6, "{weights}");
        }
        let focal = Recipe { focal: 2.0, ..plain.clone() };
        let expected = -0.9 * 0.01 * 0.9f64.ln() - 0.1 * 0.81 * 0.1f64.ln();
        assert!((loss(&focal) - expected).abs() < 1e-12);
        let smoothed = |logit_adjust| loss(&Recipe { smoothing: 0.5, logit_adjust, ..plain.clone() });
        assert!((smoothed(0.0) + 0.7 * 0.7f64.ln() + 0.3 * 0.3f64.ln()).abs() < 1e-12);
        assert!((smoothed(1.0) - entropy).abs() < 1e-12);
        assert_eq!(loss(&Recipe { teacher: Some("t".into()), ..plain }), f64::INFINITY);
    }
}
