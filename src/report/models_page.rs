//! The page of a comparison of predictions alone (`models.html`): verdict, tables, intervals.

use anyhow::Result;
use askama::Template;

use super::{
    MARK, STYLE, chart,
    provenance::Fact,
    table::{Table, pieces},
};
use crate::{compare::Comparison, run::shell_line};

#[derive(Template)]
#[template(path = "models.html")]
struct Page {
    title: String,
    /// The verdict in pieces; true for names.
    verdict: Vec<(bool, String)>,
    figures: Option<Table>,
    /// What the figures are of, a sentence.
    figures_of: String,
    /// What the interval over seeds is.
    interval_of_seeds: String,
    differences: Option<Table>,
    deltas: Option<String>,
    /// Tests of accuracy and remarks, in pieces as the verdict.
    remarks: Vec<Vec<(bool, String)>>,
    provenance: Vec<Fact>,
}

/// The page of a comparison of predictions.
/// Fails where a chart cannot be drawn.
pub fn models_page(comparison: &Comparison) -> Result<String> {
    let names: Vec<&str> = comparison.presets.iter().map(|preset| preset.preset.as_str()).collect();
    let position = |name: &str| names.iter().position(|other| *other == name).unwrap_or(0);
    let files = comparison.models.iter().flat_map(|models| &models.runs).map(|model| model.path.clone());
    let page = Page {
        title: names.join(", "),
        verdict: pieces(&comparison.verdict),
        figures: Table::of(comparison.figures()),
        figures_of: comparison.figures_of(),
        interval_of_seeds: comparison.interval_of_seeds(),
        differences: Table::of(comparison.differences()),
        deltas: chart::differences(comparison, position)?,
        remarks: remarks(comparison),
        provenance: vec![
            ("command", shell_line(&comparison.command_line)),
            ("predictions", files.collect::<Vec<_>>().join("; ")),
            ("mindgap", env!("CARGO_PKG_VERSION").to_owned()),
        ],
    };
    Ok(page.render()?)
}

/// The tests of accuracy and the remarks of a comparison of models, in pieces; none for presets.
pub fn remarks(comparison: &Comparison) -> Vec<Vec<(bool, String)>> {
    comparison.accuracy_tests().iter().chain(&comparison.remarks()).map(|line| pieces(line)).collect()
}
