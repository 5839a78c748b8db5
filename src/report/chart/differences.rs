//! Each preset's difference from the baseline, with both intervals.

use anyhow::Result;
use plotters::prelude::*;

use super::canvas::{Frame, INK, series, svg};
use crate::compare::Comparison;

/// Δ val loss of each preset against the baseline: the seeds as dots, below them the interval over images (thick) and
/// over seeds (thin). `position` gives the number of a preset's colour. None without a difference.
/// Fails if the chart cannot be drawn.
pub fn differences(comparison: &Comparison, position: impl Fn(&str) -> usize) -> Result<Option<String>> {
    let rows: Vec<_> = comparison
        .presets
        .iter()
        .filter_map(|preset| {
            let val_loss = &preset.against.as_ref()?.val_loss;
            Some((position(&preset.preset), val_loss, preset.interval_over_seeds()))
        })
        .collect();
    if rows.is_empty() {
        return Ok(None);
    }
    // The axis holds 0, every dot and every interval.
    let mut low: f64 = 0.0;
    let mut high: f64 = 0.0;
    for (_, delta, over_seeds) in &rows {
        let intervals = [delta.ci_images, *over_seeds].into_iter().flatten().flatten();
        for end in delta.values.iter().copied().chain(intervals).filter(|end| end.is_finite()) {
            low = low.min(end);
            high = high.max(end);
        }
    }
    let margin = 0.05 * (high - low).max(1e-6);
    let x = [low - margin, high + margin];
    let y = [-4.0 * rows.len() as f64 - 0.5, 0.0];
    let drawn = svg(60 + 48 * rows.len() as u32, "difference of each preset from the baseline in val loss", |area| {
        let mut axes = Frame::without_y_axis([x, y], "Δ val loss [nats], below 0 is better").draw(area)?;
        axes.draw_series([PathElement::new([(0.0, y[0]), (0.0, y[1])], INK.stroke_width(1))])?;
        for (row, (colour, delta, over_seeds)) in rows.iter().enumerate() {
            let (colour, top) = (series(*colour), -4.0 * row as f64 - 1.0);
            let dots = delta.values.iter().filter(|value| value.is_finite());
            axes.draw_series(dots.map(|&value| Circle::new((value, top), 4, colour.filled())))?;
            for (interval, below, width) in [(delta.ci_images, 1.0, 5), (*over_seeds, 2.0, 1)] {
                let Some([low, high]) = interval else { continue };
                let line = [(low, top - below), (high, top - below)];
                axes.draw_series([PathElement::new(line, colour.stroke_width(width))])?;
            }
        }
        Ok(())
    })?;
    Ok(Some(drawn))
}
