//! What `mindgap find-lr` says: for a person, and as JSON.

use std::path::Path;

use serde_json::{Value, json};

use crate::{
    recipe::Recipe,
    stats::{LrCurve, LrSuggestion, NoSuggestion},
};

/// Steps from low to high in a line of text.
const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// A loss above this share of that of guessing is hardly below it.
const GUESSED: f64 = 0.97;
/// Width of that line \[characters\].
const WIDTH: usize = 50;

/// A finished test.
pub struct Found<'a> {
    /// What it met.
    pub curve: &'a LrCurve,
    /// What that speaks for.
    pub outcome: Result<LrSuggestion, NoSuggestion>,
    /// The recipe that was tried.
    pub recipe: &'a Recipe,
    /// The loss of guessing by the frequency of the classes \[nats\].
    pub guessing: f64,
    /// File of the chart.
    pub chart: &'a Path,
    /// File of the recipe with the suggested rate, where one was asked for.
    pub applied: Option<&'a Path>,
}

impl Found<'_> {
    /// For a program.
    pub fn json(&self) -> Value {
        let found = self.outcome.ok();
        json!({
            "suggestion": found.map(|found| found.suggestion),
            "steepest": found.map(|found| found.steepest),
            "valley": found.map(|found| found.valley),
            "low": found.map(|found| found.low),
            "high": found.map(|found| found.high),
            "reason": self.outcome.err().map(|reason| reason.to_string()),
            "note": self.note(),
            "chart": self.chart.display().to_string(),
            "recipe": self.applied.map(|path| path.display().to_string()),
            "rates": self.curve.rates(),
            "losses": self.curve.losses(),
            "smoothed": self.curve.smoothed(),
        })
    }

    /// For a person, at 80 columns.
    pub fn text(&self) -> String {
        let (rates, Recipe { batch_size, grad_accum_steps, .. }) = (self.curve.rates(), self.recipe);
        let (first, last) = (rates.first().copied().unwrap_or_default(), rates.last().copied().unwrap_or_default());
        let (made, images) = (rates.len(), batch_size * grad_accum_steps);
        let mut text = format!("Rates from {} to {} in {made} updates of {images} images", short(first), short(last));
        text += if self.curve.is_over() { ", where the loss was lost.\n\n" } else { ".\n\n" };
        text += &format!("{} {} {}\n\n", short(first), sparkline(self.curve.smoothed()), short(last));
        match self.outcome {
            Ok(found) => text += &self.rates(&found),
            Err(reason) => text += &(wrapped(&format!("No suggestion: {reason}.")) + "\n"),
        }
        text += &self.note().map_or(String::new(), |note| wrapped(&format!("note: {note}.")) + "\n");
        text += &format!("chart       {}\n", self.chart.display());
        if let (Some(path), Ok(_)) = (self.applied, self.outcome) {
            text += &format!("recipe      {0}; train with: mindgap train --recipe {0}\n", path.display());
        }
        text
    }

    /// What makes a suggestion weaker than it looks.
    fn note(&self) -> Option<String> {
        let found = self.outcome.ok().filter(|found| found.loss > GUESSED * self.guessing)?;
        Some(format!(
            "the loss came down to {:.2}, and guessing by the frequency of the classes has {:.2}: the test saw the \
             network learn hardly more than that. Its rate may be too low; --num-it {} would see further",
            found.loss,
            self.guessing,
            4 * self.curve.planned()
        ))
    }

    fn rates(&self, found: &LrSuggestion) -> String {
        format!(
            "suggestion  {} (valley: the middle of the fall); the recipe has {}\n\
             steepest    {}\n\
             cyclic      from {} to {}\n\n",
            short(found.suggestion),
            short(self.recipe.lr),
            short(found.steepest),
            short(found.low),
            short(found.high),
        )
    }
}

/// A rate in three digits.
fn short(rate: f64) -> String {
    let rounded: f64 = format!("{rate:.2e}").parse().unwrap_or(rate);
    if (1e-4..1e4).contains(&rounded) { format!("{rounded}") } else { format!("{rounded:e}") }
}

/// The course of `losses` in one line: the lowest of each stretch. What is above the beginning is cut off there.
fn sparkline(losses: &[f64]) -> String {
    let finite: Vec<f64> = losses.iter().copied().filter(|loss| loss.is_finite()).collect();
    let Some(&first) = finite.first() else { return "(no finite loss)".to_owned() };
    let low = finite.iter().copied().fold(first, f64::min);
    let begun = finite.iter().take(finite.len() / 10 + 1).copied().fold(first, f64::max);
    let height = |loss: f64| {
        let share = if begun > low { (loss - low) / (begun - low) } else { 1.0 };
        HEIGHTS[((share * 7.0).round() as usize).min(7)]
    };
    let stretch = finite.len().div_ceil(WIDTH);
    finite.chunks(stretch).map(|losses| height(losses.iter().copied().fold(f64::INFINITY, f64::min))).collect()
}

/// `text` in lines of up to 79 characters.
fn wrapped(text: &str) -> String {
    let mut lines = String::new();
    let mut width = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        let breaks = width > 0 && width + 1 + length > 79;
        lines += match (width, breaks) {
            (0, _) => "",
            (_, true) => "\n",
            (_, false) => " ",
        };
        width = if breaks { length } else { width + length + usize::from(width > 0) };
        lines += word;
    }
    lines + "\n"
}
