//! Each preset's difference from the baseline, with both intervals.

use anyhow::Result;
use plotters::prelude::*;

use super::canvas::{Frame, INK, decimal, drawing, series, svg};
use crate::compare::Comparison;

/// Δ val loss of each preset against the baseline: the seeds as dots, below them the interval over images (thick) and
/// over seeds (thin). `order` gives the place of a preset among the colours. None without a difference.
///
/// # Errors
/// The drawing crate gives up.
pub fn differences(comparison: &Comparison, order: impl Fn(&str) -> usize) -> Result<Option<String>> {
    let rows: Vec<_> = comparison
        .presets
        .iter()
        .filter_map(|preset| Some((order(&preset.preset), &preset.against.as_ref()?.val_loss)))
        .collect();
    if rows.is_empty() {
        return Ok(None);
    }
    let ends = rows.iter().flat_map(|(_, delta)| {
        let intervals = [delta.these_models, delta.this_recipe].into_iter().flatten().flatten();
        delta.values.iter().copied().chain(intervals)
    });
    let ends: Vec<f64> = ends.filter(|end| end.is_finite()).chain([0.0]).collect();
    let (low, high) =
        ends.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &end| (low.min(end), high.max(end)));
    let room = 0.05 * (high - low).max(1e-6);
    let x = [low - room, high + room];
    let y = [-4.0 * rows.len() as f64 - 0.5, 0.0];
    let drawn = svg(60 + 48 * rows.len() as u32, "difference of each preset from the baseline in val loss", |area| {
        let frame = Frame {
            x,
            y,
            x_label: "Δ val loss [nats], below 0 is better",
            y_label: "",
            x_text: &decimal,
            y_text: &|_| String::new(),
            y_lines: 0,
        };
        let mut axes = frame.draw(area)?;
        axes.draw_series([PathElement::new([(0.0, y[0]), (0.0, y[1])], INK.stroke_width(1))]).map_err(drawing)?;
        for (row, (colour, delta)) in rows.iter().enumerate() {
            let (colour, top) = (series(*colour), -4.0 * row as f64 - 1.0);
            let dots = delta.values.iter().filter(|value| value.is_finite());
            axes.draw_series(dots.map(|&value| Circle::new((value, top), 4, colour.filled()))).map_err(drawing)?;
            for (interval, below, width) in [(delta.these_models, 1.0, 5), (delta.this_recipe, 2.0, 1)] {
                let Some([low, high]) = interval else { continue };
                let line = [(low, top - below), (high, top - below)];
                axes.draw_series([PathElement::new(line, colour.stroke_width(width))]).map_err(drawing)?;
            }
        }
        Ok(())
    })?;
    Ok(Some(drawn))
}
