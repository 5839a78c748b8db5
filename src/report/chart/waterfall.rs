//! The bill of a gap: its items one after the other, up to the gap.

use anyhow::Result;
use plotters::prelude::*;

use super::canvas::{Frame, GRID, INK, PROBE, VAL, decimal, svg};
use crate::gap::Bill;

/// Share of the width that the names of the items take.
const NAMES: f64 = 0.28;

/// A bar for each item from where the one before ends, in val's colour where it makes the gap larger and in the probe's where it makes it
/// smaller, with its interval as a thin line; below them the gap.
/// Fails if the chart cannot be drawn.
pub fn waterfall(bill: &Bill) -> Result<String> {
    let mut bars = Vec::new();
    let mut end = 0.0;
    for item in &bill.items {
        let start = end;
        end += item.nats;
        let reach = item.high.map(|high| high - item.nats).filter(|reach| reach.is_finite());
        let figure = if item.is_measured { format!("{:+.3}", item.nats) } else { "–".to_owned() };
        bars.push((item.id.name(), [start, end], reach, figure));
    }
    bars.push(("gap", [0.0, bill.gap_loss], None, format!("{:+.3}", bill.gap_loss)));

    let mut low: f64 = 0.0;
    let mut high: f64 = 0.0;
    for (_, [start, end], reach, _) in &bars {
        low = low.min(*start).min(end - reach.unwrap_or(0.0));
        high = high.max(*start).max(end + reach.unwrap_or(0.0));
    }
    let width = (high - low).max(1e-6);
    let left = low - NAMES / (1.0 - NAMES) * width - 0.02 * width;
    let x = [left, high + 0.12 * width];
    let y = [-(bars.len() as f64) - 0.2, 0.2];
    svg(60 + 26 * bars.len() as u32, "items of the gap in nats", |area| {
        let x_text = |value: f64| if value < low - 1e-9 { String::new() } else { decimal(value) };
        let mut axes = Frame { x_text: &x_text, ..Frame::without_y_axis([x, y], "nats") }.draw(area)?;
        let text = ("sans-serif", 13).into_font().color(&INK);
        axes.draw_series([PathElement::new([(0.0, y[0]), (0.0, y[1])], GRID.stroke_width(1))])?;
        for (row, (name, [start, end], reach, figure)) in bars.iter().enumerate() {
            let top = -(row as f64);
            let colour = match (*name, end >= start) {
                ("gap", _) => INK,
                (_, true) => VAL,
                (_, false) => PROBE,
            };
            let bar = Rectangle::new([(*start, top - 0.2), (*end, top - 0.8)], colour.mix(0.75).filled());
            axes.draw_series([bar])?;
            if let Some(reach) = reach {
                let line = [(end - reach, top - 0.5), (end + reach, top - 0.5)];
                axes.draw_series([PathElement::new(line, INK.stroke_width(1))])?;
            }
            let label = format!("{name} {figure}");
            axes.draw_series([Text::new(label, (left, top - 0.28), text.clone())])?;
        }
        Ok(())
    })
}
