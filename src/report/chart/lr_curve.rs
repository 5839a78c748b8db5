//! The curve of a learning-rate range test, as a file of its own.

use anyhow::Result;
use plotters::{
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use super::canvas::{Axes, Frame, INK, PROBE, VAL, svg};
use crate::report::STYLE;
use crate::stats::{LrCurve, LrSuggestion, rate_text};

/// Marks the file of every learning-rate chart, so that no other file is mistaken for one and overwritten.
pub const LR_MARK: &str = "<metadata>mindgap find-lr</metadata>";

/// Height of a rate's name, as a share of the chart's height.
const ROW: f64 = 0.065;
/// Width of a character, as a share of the chart's width.
const CHARACTER: f64 = 0.018;

/// Single and smoothed losses over the rate, on a logarithmic axis, with the rates of `found`. An SVG file that
/// can be read on light and dark backgrounds.
/// Fails if the chart cannot be drawn.
pub fn lr_curve(curve: &LrCurve, found: Option<&LrSuggestion>) -> Result<String> {
    let ends = [curve.rates().first(), curve.rates().last()].map(|rate| rate.copied().unwrap_or(1.0).log10());
    let x = [ends[0], ends[1].max(ends[0] + 1e-3)];
    let losses = visible(curve);
    // The axis is extended upwards for the names of the rates.
    let rows = if found.is_some() { 4.0 } else { 0.0 };
    let y = [losses[0], losses[1] + rows * ROW / (1.0 - rows * ROW) * (losses[1] - losses[0])];
    let chart = svg(320, "loss over the learning rate", |area| {
        let mut axes = Frame { x_text: &short, ..Frame::new([x, y], "learning rate", "loss [nats]") }.draw(area)?;
        if let Some(LrSuggestion { low, high, .. }) = found {
            let corners = [(low.log10(), y[0]), (high.log10(), y[1])];
            axes.draw_series([Rectangle::new(corners, PROBE.mix(0.1).filled())])?;
        }
        axes.draw_series(LineSeries::new(line(curve.rates(), curve.losses(), losses), INK.mix(0.35).stroke_width(1)))?;
        axes.draw_series(LineSeries::new(line(curve.rates(), curve.smoothed(), losses), PROBE.stroke_width(2)))?;
        found.map_or(Ok(()), |found| marks(&mut axes, found, x, y))
    })?;
    Ok(standalone(&chart))
}

/// The finite losses over the logarithm of the rate, cut to the range `visible`.
fn line(rates: &[f64], losses: &[f64], visible: [f64; 2]) -> Vec<(f64, f64)> {
    let points = rates.iter().zip(losses).filter(|(_, loss)| loss.is_finite());
    points.map(|(rate, loss)| (rate.log10(), loss.clamp(visible[0], visible[1]))).collect()
}

/// Draws each suggested rate as a line with its name to the left. Higher rates have higher names, so that no line crosses a
/// name.
fn marks(axes: &mut Axes, found: &LrSuggestion, x: [f64; 2], y: [f64; 2]) -> Result<()> {
    let mut named = [
        ("suggestion", found.suggestion, VAL, 2),
        ("steepest", found.steepest, INK, 1),
        ("low", found.low, PROBE, 1),
        ("high", found.high, PROBE, 1),
    ];
    named.sort_by(|a, b| b.1.total_cmp(&a.1));
    for (row, (name, rate, colour, width)) in named.into_iter().enumerate() {
        let height = y[1] - (row as f64 + 0.5) * ROW * (y[1] - y[0]);
        let place = rate.log10();
        let line = [(place, y[0]), (place, height)];
        axes.draw_series([PathElement::new(line, colour.stroke_width(width))])?;
        let text = format!("{name} {} ", rate_text(rate));
        // At the left edge the name moves to the right, so that it is not cut off.
        let end = place.max(x[0] + CHARACTER * text.len() as f64 * (x[1] - x[0]));
        let style = ("sans-serif", 13).into_font().color(&INK).pos(Pos::new(HPos::Right, VPos::Center));
        axes.draw_series([Text::new(text, (end, height), style)])?;
    }
    Ok(())
}

/// The range of losses to show. It is cut above, so that a loss that diverges at the end does not flatten the fall before
/// it.
fn visible(curve: &LrCurve) -> [f64; 2] {
    let losses: Vec<f64> = curve.losses().iter().copied().filter(|loss| loss.is_finite()).collect();
    let smoothed = curve.smoothed().iter().copied().filter(|loss| loss.is_finite());
    let bottom = losses.iter().copied().fold(f64::INFINITY, f64::min);
    let lowest_smoothed = smoothed.fold(f64::INFINITY, f64::min);
    let begun = losses.iter().take(losses.len() / 10 + 1).copied().fold(f64::NEG_INFINITY, f64::max);
    if !(begun.is_finite() && bottom.is_finite()) {
        return [0.0, 1.0];
    }
    let most = losses.iter().copied().fold(begun, f64::max);
    let top = most.min(begun + 0.6 * (begun - lowest_smoothed));
    let margin = (0.05 * (top - bottom)).max(1e-3 * top.abs()).max(1e-6);
    [bottom - margin, top + margin]
}

/// The label of an exponent: the power of ten, or nothing between two whole exponents.
fn short(exponent: f64) -> String {
    if (exponent - exponent.round()).abs() > 1e-9 {
        return String::new();
    }
    rate_text(10f64.powi(exponent.round() as i32))
}

/// Makes a file of `svg`, a chart for a page: adds a name space, [`LR_MARK`], and colours that follow the reader's theme.
fn standalone(svg: &str) -> String {
    // The first part of the pages' style defines the colours for light and dark.
    let colours = STYLE.split("\n* ").next().unwrap_or_default();
    let own = "svg { background: var(--paper); } text { font-family: system-ui, sans-serif; }";
    let start = svg.find('>').map_or(0, |end| end + 1);
    let head = svg[..start].replace("<svg ", "<svg xmlns=\"http://www.w3.org/2000/svg\" ");
    format!("{head}\n{LR_MARK}\n<style>\n{colours}\n{own}\n</style>{}\n", &svg[start..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_of_its_own_brings_all_colours_for_both_themes() {
        let file = standalone("<svg role=\"img\" viewBox=\"0 0 9 9\">\n<g/></svg>");
        assert!(file.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\""), "{file}");
        assert!(file.contains(LR_MARK) && file.trim_end().ends_with("<g/></svg>"), "{file}");
        let (light, dark) = file.split_once("prefers-color-scheme: dark").unwrap();
        for name in ["--paper:", "--ink:", "--grid:", "--probe:", "--val:"] {
            assert!(light.contains(name) && dark.contains(name), "{name}");
        }
        assert!(!file.contains("box-sizing") && file.matches('{').count() == file.matches('}').count(), "{file}");
    }
}
