//! The curve of a learning-rate range test, as a file of its own.

use anyhow::Result;
use plotters::{
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use super::{
    canvas::{Axes, Frame, INK, PROBE, VAL, decimal, drawing, svg},
    standalone::{LR_MARK, standalone},
};
use crate::stats::{LrCurve, LrSuggestion};

/// Single and smoothed losses over the rate, on a logarithmic axis, with the rates that `found` speaks for. An SVG file
/// that reads on light and dark.
///
/// # Errors
/// The drawing crate gives up.
pub fn lr_curve(curve: &LrCurve, found: Option<&LrSuggestion>) -> Result<String> {
    let ends = [curve.rates().first(), curve.rates().last()].map(|rate| rate.copied().unwrap_or(1.0).log10());
    let x = [ends[0], ends[1].max(ends[0] + 1e-3)];
    let y = visible(curve);
    let chart = svg(320, "loss over the learning rate", |area| {
        let frame = Frame {
            x,
            y,
            x_label: "learning rate",
            y_label: "loss [nats]",
            x_text: &|exponent| short(exponent),
            y_text: &decimal,
            y_lines: 6,
        };
        let mut axes = frame.draw(area)?;
        if let Some(LrSuggestion { low, high, .. }) = found {
            let corners = [(low.log10(), y[0]), (high.log10(), y[1])];
            axes.draw_series([Rectangle::new(corners, PROBE.mix(0.1).filled())]).map_err(drawing)?;
        }
        let line = |losses: &[f64]| -> Vec<(f64, f64)> {
            let points = curve.rates().iter().zip(losses).filter(|(_, loss)| loss.is_finite());
            points.map(|(rate, loss)| (rate.log10(), loss.clamp(y[0], y[1]))).collect()
        };
        axes.draw_series(LineSeries::new(line(curve.losses()), INK.mix(0.35).stroke_width(1))).map_err(drawing)?;
        axes.draw_series(LineSeries::new(line(curve.smoothed()), PROBE.stroke_width(2))).map_err(drawing)?;
        found.map_or(Ok(()), |found| marks(&mut axes, found, x, y))
    })?;
    Ok(standalone(&chart, LR_MARK))
}

/// Each suggested rate as a line and its name, one below the other.
fn marks(axes: &mut Axes, found: &LrSuggestion, x: [f64; 2], y: [f64; 2]) -> Result<()> {
    let named = [
        ("suggestion", found.suggestion, VAL, 2),
        ("steepest", found.steepest, INK, 1),
        ("low", found.low, PROBE, 1),
        ("high", found.high, PROBE, 1),
    ];
    for (row, (name, rate, colour, width)) in named.into_iter().enumerate() {
        let height = y[1] - (0.03 + 0.065 * row as f64) * (y[1] - y[0]);
        let place = rate.log10();
        let line = [(place, y[0]), (place, height)];
        axes.draw_series([PathElement::new(line, colour.stroke_width(width))]).map_err(drawing)?;
        // A name stands where there is more room.
        let (side, space) = if place < (x[0] + x[1]) / 2.0 { (HPos::Left, " ") } else { (HPos::Right, "") };
        let style = ("sans-serif", 13).into_font().color(&INK).pos(Pos::new(side, VPos::Center));
        let text = if space.is_empty() { format!("{name} {rate} ") } else { format!(" {name} {rate}") };
        axes.draw_series([Text::new(text, (place, height), style)]).map_err(drawing)?;
    }
    Ok(())
}

/// The losses worth showing: a loss that is lost at the end does not flatten the fall before it.
fn visible(curve: &LrCurve) -> [f64; 2] {
    let finite = |losses: &[f64]| losses.iter().copied().filter(|loss| loss.is_finite()).collect::<Vec<f64>>();
    let (losses, smoothed) = (finite(curve.losses()), finite(curve.smoothed()));
    let lowest = |losses: &[f64]| losses.iter().copied().fold(f64::INFINITY, f64::min);
    let begun = losses.iter().take(losses.len() / 10 + 1).copied().fold(f64::NEG_INFINITY, f64::max);
    let (bottom, middle) = (lowest(&losses), lowest(&smoothed));
    if !(begun.is_finite() && bottom.is_finite()) {
        return [0.0, 1.0];
    }
    let most = losses.iter().copied().fold(begun, f64::max);
    let top = most.min(begun + 0.6 * (begun - middle));
    let room = (0.05 * (top - bottom)).max(1e-3 * top.abs()).max(1e-6);
    [bottom - room, top + room]
}

/// A power of ten; nothing between two of them.
fn short(exponent: f64) -> String {
    if (exponent - exponent.round()).abs() > 1e-9 {
        return String::new();
    }
    let rate = 10f64.powi(exponent.round() as i32);
    if rate < 1e-2 { format!("{rate:.0e}") } else { format!("{rate}") }
}
