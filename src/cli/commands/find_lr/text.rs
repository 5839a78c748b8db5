//! What `mindgap find-lr` says: for a person, and as JSON.

use std::path::Path;

use serde_json::{Value, json};
use textwrap::{Options, WordSplitter, fill};

use mindgap::{
    recipe::Recipe,
    stats::{LrCurve, LrSuggestion, NoSuggestion, rate_text},
};

/// Steps from low to high in a line of text.
const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
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
    /// The flags that name the data.
    pub data: String,
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
        let mut text =
            format!("Rates from {} to {} in {made} updates of {images} images", rate_text(first), rate_text(last));
        text += if self.curve.is_over() { ", where the loss was lost.\n\n" } else { ".\n\n" };
        text += &format!("{} {} {}\n\n", rate_text(first), sparkline(self.curve.smoothed()), rate_text(last));
        match self.outcome {
            Ok(found) => text += &self.rates(&found),
            Err(reason) => text += &(fill(&format!("No suggestion: {reason}."), lines()) + "\n\n"),
        }
        text += &format!("chart       {}\n", self.chart.display());
        if let (Some(path), Ok(_)) = (self.applied, self.outcome) {
            text +=
                &format!("recipe      {0}; train with:\n  mindgap train {1} --recipe {0}\n", path.display(), self.data);
        }
        text
    }

    fn rates(&self, found: &LrSuggestion) -> String {
        format!(
            "suggestion  {} (the loss is lowest at ten times it); the recipe has {}\n\
             valley      {}, the middle of the longest fall\n\
             steepest    {}\n\
             bounds      the fall begins at {} and is all but done at {}\n\n",
            rate_text(found.suggestion),
            rate_text(self.recipe.lr),
            rate_text(found.valley),
            rate_text(found.steepest),
            rate_text(found.low),
            rate_text(found.high),
        )
    }
}

/// Of up to 79 characters, in which no flag is cut at its hyphens.
fn lines() -> Options<'static> {
    Options::new(79).word_splitter(WordSplitter::NoHyphenation).break_words(false)
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
