//! The result of `mindgap find-lr`, as text and as JSON.

use std::path::Path;

use serde_json::{Value, json};
use textwrap::{Options, WordSplitter, fill};

use mindgap::{
    recipe::Recipe,
    stats::{LrCurve, LrSuggestion, NoSuggestion, rate_text},
};

/// The characters of a sparkline, from low to high.
const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Width of a sparkline \[characters\].
const WIDTH: usize = 50;

pub struct Found<'a> {
    /// The loss at each rate.
    pub curve: &'a LrCurve,
    /// The suggested rates, or why there are none.
    pub outcome: Result<LrSuggestion, NoSuggestion>,
    pub recipe: &'a Recipe,
    /// The flags that name the data.
    pub data: String,
    pub chart: &'a Path,
    /// File of the recipe with the suggested rate, where one was asked for.
    pub applied: Option<&'a Path>,
}

/// A reason with flags in the place of keys.
pub fn with_flags(reason: NoSuggestion) -> String {
    let mut text = reason.to_string();
    for key in ["start_lr", "end_lr", "num_it", "batch_size", "clip_grad"] {
        text = text.replace(key, &format!("--{}", key.replace('_', "-")));
    }
    text
}

impl Found<'_> {
    /// The result as JSON.
    pub fn json(&self) -> Value {
        let found = self.outcome.ok();
        json!({
            "suggestion": found.map(|found| found.suggestion),
            "steepest": found.map(|found| found.steepest),
            "valley": found.map(|found| found.valley),
            "low": found.map(|found| found.low),
            "high": found.map(|found| found.high),
            "reason": self.outcome.err().map(with_flags),
            "chart": self.chart.display().to_string(),
            "recipe": self.applied.map(|path| path.display().to_string()),
            "rates": self.curve.rates(),
            "losses": self.curve.losses(),
            "smoothed": self.curve.smoothed(),
        })
    }

    /// The result as text for 80 columns.
    pub fn text(&self) -> String {
        let rates = self.curve.rates();
        let first = rate_text(rates.first().copied().unwrap_or_default());
        let last = rate_text(rates.last().copied().unwrap_or_default());
        let updates = rates.len();
        let images = self.recipe.batch_size * self.recipe.grad_accum_steps;
        let mut text = format!("Rates from {first} to {last} in {updates} updates of {images} images");
        text += if self.curve.is_over() { ", where the loss diverged.\n\n" } else { ".\n\n" };
        text += &format!("{first} {} {last}\n\n", sparkline(self.curve.smoothed()));
        match self.outcome {
            Ok(found) => text += &self.rates(&found),
            Err(reason) => {
                // No flag is broken at its hyphens.
                let options = Options::new(79).word_splitter(WordSplitter::NoHyphenation).break_words(false);
                text += &(fill(&format!("No suggestion: {}.", with_flags(reason)), options) + "\n\n");
            }
        }
        text += &format!("chart       {}\n", self.chart.display());
        if let (Some(path), Ok(_)) = (self.applied, self.outcome) {
            text +=
                &format!("recipe      {0}; train with:\n  mindgap train {1} --recipe {0}\n", path.display(), self.data);
        }
        text
    }

    /// The suggested rate and what it is read from, a line each.
    fn rates(&self, found: &LrSuggestion) -> String {
        format!(
            "suggestion  {} (the loss is lowest at ten times it); the recipe has {}\n\
             valley      {}, the middle of the longest fall\n\
             steepest    {}\n\
             bounds      the fall begins at {} and ends near {}\n\n",
            rate_text(found.suggestion),
            rate_text(self.recipe.lr),
            rate_text(found.valley),
            rate_text(found.steepest),
            rate_text(found.low),
            rate_text(found.high),
        )
    }
}

/// The course of `losses` in one line, as the lowest loss of each stretch. Losses above those of the first tenth are shown
/// at that height.
fn sparkline(losses: &[f64]) -> String {
    let finite: Vec<f64> = losses.iter().copied().filter(|loss| loss.is_finite()).collect();
    let Some(&first) = finite.first() else { return "(no finite loss)".to_owned() };
    let low = finite.iter().copied().fold(first, f64::min);
    let high = finite.iter().take(finite.len() / 10 + 1).copied().fold(first, f64::max);
    let mut line = String::new();
    for losses in finite.chunks(finite.len().div_ceil(WIDTH)) {
        let lowest = losses.iter().copied().fold(f64::INFINITY, f64::min);
        let share = if high > low { (lowest - low) / (high - low) } else { 1.0 };
        line.push(HEIGHTS[((share * 7.0).round() as usize).min(7)]);
    }
    line
}
