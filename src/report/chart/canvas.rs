//! The parts that all charts share: size, axes, lines and bands, and colours that the page defines.

use anyhow::{Context, Result};
use plotters::{
    coord::{Shift, types::RangedCoordf64},
    prelude::*,
};

use crate::report::group::CurvePoint;

/// The area that a chart is drawn in.
pub type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
/// A chart with its axes.
pub type Axes<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Width of a chart in its own units; the page scales it, to no more than this many pixels.
pub const WIDTH: u32 = 480;

/// Colours that stand for names of the page's style; their values never reach a reader.
pub const INK: RGBColor = RGBColor(1, 0, 0);
/// Lines of the grid.
pub const GRID: RGBColor = RGBColor(2, 0, 0);
/// The probe.
pub const PROBE: RGBColor = RGBColor(3, 0, 0);
/// Val.
pub const VAL: RGBColor = RGBColor(4, 0, 0);
/// Number of colours for presets; further presets use them again.
pub const SERIES: usize = 8;

/// The colour of the preset at `index`; the baseline is at 0.
pub fn series(index: usize) -> RGBColor {
    RGBColor(16 + (index % SERIES) as u8, 0, 0)
}

/// The colour that stands for dashed lines in `colour`: `plotters` itself can only draw every dash as a line.
fn dashed(RGBColor(r, _, b): RGBColor) -> RGBColor {
    RGBColor(r, 1, b)
}

/// Draws a chart of this height and returns its SVG, without size and with the page's colours.
pub fn svg(height: u32, label: &str, draw: impl FnOnce(&Area) -> Result<()>) -> Result<String> {
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, (WIDTH, height)).into_drawing_area();
        draw(&area).and_then(|()| Ok(area.present()?)).context("a chart cannot be drawn")?;
    }
    Ok(in_the_pages_colours(&text, label))
}

fn in_the_pages_colours(svg: &str, label: &str) -> String {
    // Inside a page an SVG needs no name space.
    let mut text = svg.replace(" xmlns=\"http://www.w3.org/2000/svg\"", "");
    let names = [(INK, "ink".to_owned()), (GRID, "grid".into()), (PROBE, "probe".into()), (VAL, "val".into())];
    let numbered = (0..SERIES).map(|index| (series(index), format!("series-{index}")));
    for (colour, name) in names.into_iter().chain(numbered) {
        for (RGBColor(r, g, b), dashes) in [(colour, ""), (dashed(colour), " stroke-dasharray=\"5 4\"")] {
            text = text.replace(&format!("\"#{r:02X}{g:02X}{b:02X}\""), &format!("\"var(--{name})\"{dashes}"));
        }
    }
    let start = text.find("viewBox").unwrap_or_default();
    format!("<svg role=\"img\" aria-label=\"{label}\" {}", &text[start..])
}

/// Axes over `x` and `y`.
pub struct Frame<'a> {
    /// Lowest and highest x.
    pub x: [f64; 2],
    /// Lowest and highest y.
    pub y: [f64; 2],
    /// Label of the x axis; empty for none.
    pub x_label: &'a str,
    pub y_label: &'a str,
    /// Writes a number of the y axis.
    pub y_text: &'a dyn Fn(f64) -> String,
    /// Writes a number of the x axis.
    pub x_text: &'a dyn Fn(f64) -> String,
    /// Number of horizontal lines; 0 leaves out the y axis and its labels.
    pub y_lines: usize,
}

impl<'a> Frame<'a> {
    /// Axes with decimal numbers.
    pub fn new([x, y]: [[f64; 2]; 2], x_label: &'a str, y_label: &'a str) -> Self {
        Self { x, y, x_label, y_label, x_text: &decimal, y_text: &decimal, y_lines: 6 }
    }

    /// An x axis with decimal numbers, and no y axis.
    pub fn without_y_axis(places: [[f64; 2]; 2], x_label: &'a str) -> Self {
        Self { y_text: &|_| String::new(), y_lines: 0, ..Self::new(places, x_label, "") }
    }

    /// Draws the axes.
    pub fn draw<'b, 'c>(&self, area: &'b Area<'c>) -> Result<Axes<'b, 'c>> {
        let mut axes = ChartBuilder::on(area)
            .margin(6)
            .margin_right(14)
            .x_label_area_size(if self.x_label.is_empty() { 6 } else { 38 })
            .y_label_area_size(if self.y_lines == 0 { 8 } else { 52 })
            .build_cartesian_2d(self.x[0]..self.x[1], self.y[0]..self.y[1])?;
        let text = ("sans-serif", 13).into_font().color(&INK);
        axes.configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .axis_style(GRID)
            .label_style(text.clone())
            .axis_desc_style(text)
            .x_desc(self.x_label)
            .y_desc(self.y_label)
            .x_labels(if self.x_label.is_empty() { 0 } else { 6 })
            .y_labels(self.y_lines)
            .x_label_formatter(&|x| (self.x_text)(*x))
            .y_label_formatter(&|y| (self.y_text)(*y))
            .draw()?;
        Ok(axes)
    }
}

/// A curve: the mean as a line, ± one standard deviation over seeds as a band.
pub fn curve(axes: &mut Axes, points: &[CurvePoint], y: [f64; 2], colour: RGBColor, is_baseline: bool) -> Result<()> {
    let at = |point: &CurvePoint, value: f64| (f64::from(point.epoch), value.clamp(y[0], y[1]));
    if !is_baseline && points.iter().any(|point| point.figure.sd.is_some()) {
        let upper = points.iter().map(|point| at(point, point.ends()[1]));
        let lower = points.iter().rev().map(|point| at(point, point.ends()[0]));
        let outline: Vec<(f64, f64)> = upper.chain(lower).collect();
        axes.draw_series([Polygon::new(outline, colour.mix(0.2))])?;
    }
    let line = points.iter().map(|point| at(point, point.figure.mean));
    if is_baseline {
        axes.draw_series(LineSeries::new(line, dashed(colour).mix(0.75).stroke_width(1)))?;
    } else if points.len() == 1 {
        axes.draw_series(line.map(|place| Circle::new(place, 3, colour.filled())))?;
    } else {
        axes.draw_series(LineSeries::new(line, colour.stroke_width(2)))?;
    }
    Ok(())
}

/// Losses above this \[nats\] count as diverged: the loss of guessing among a million classes is 14.
pub const DIVERGED: f64 = 20.0;

/// The range of an axis: from the lowest to the highest of `values`, with a small margin. Those beyond `limit`, such as diverged
/// losses, are left out, so that they do not flatten the others, and drawn at the edge, unless there are no others.
pub fn range(values: impl IntoIterator<Item = f64>, limit: f64) -> [f64; 2] {
    let finite: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
    let usual: Vec<f64> = finite.iter().copied().filter(|value| value.abs() <= limit).collect();
    let values = if usual.is_empty() { finite } else { usual };
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if low > high {
        return [0.0, 1.0];
    }
    let margin = 0.05 * (high - low).max(1e-3 * high.abs()).max(1e-6);
    [low - margin, high + margin]
}

/// The label of a whole number; empty between two of them.
pub fn whole(value: f64) -> String {
    if (value - value.round()).abs() < 1e-9 { format!("{value:.0}") } else { String::new() }
}

/// A number with up to three decimals, without zeros at its end.
pub fn decimal(value: f64) -> String {
    let text = format!("{value:.3}");
    let short = text.trim_end_matches('0').trim_end_matches('.');
    if short == "-0" { "0".to_owned() } else { short.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diverged_run_does_not_flatten_the_others() {
        let [low, high] = range([1.0, 2.0, f64::NAN, 1e9], DIVERGED);
        assert!(low == 0.95 && high == 2.05, "{low} {high}");
        // No other high loss is left out.
        let [_, high] = range([0.01, 0.02, 0.01, 0.02, 2.6], DIVERGED);
        assert!(high > 2.6);
        assert!(range([30.0, 40.0], DIVERGED)[1] > 40.0 && range([0.5, 99.0], f64::INFINITY)[1] > 99.0);
        assert_eq!(range([], DIVERGED), [0.0, 1.0]);
        let [low, high] = range([2.0, 2.0], DIVERGED);
        assert!(low < 2.0 && high > 2.0);
    }

    #[test]
    fn colours_are_names_of_the_page() {
        let drawn = svg(100, "a chart", |area| {
            area.draw(&Circle::new((5, 5), 3, series(9).filled()))?;
            area.draw(&PathElement::new([(5, 5), (9, 9)], dashed(VAL)))?;
            Ok(area.draw(&Text::new("<&>", (5, 5), ("sans-serif", 12).into_font().color(&INK)))?)
        })
        .unwrap();
        assert!(drawn.starts_with("<svg role=\"img\" aria-label=\"a chart\" viewBox=\"0 0 480 100\""), "{drawn}");
        assert!(drawn.contains("\"var(--series-1)\"") && drawn.contains("\"var(--ink)\""), "{drawn}");
        assert!(drawn.contains("\"var(--val)\" stroke-dasharray=\"5 4\""), "{drawn}");
        assert!(drawn.contains("&lt;&amp;&gt;") && !drawn.contains("\"#"), "{drawn}");
    }
}
