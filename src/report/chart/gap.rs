//! The gap over the epochs.

use anyhow::Result;
use plotters::prelude::*;

use super::canvas::{DIVERGED, Frame, GRID, curve, range, series, svg, whole};
use crate::report::{CurvePoint, RunGroup};

/// Val loss − probe loss of every group, the first one's dashed where there are others.
/// Fails if the chart cannot be drawn.
pub fn gap(groups: &[RunGroup]) -> Result<String> {
    let lines: Vec<_> = groups.iter().map(|group| group.curve(|record| record.gap_loss)).collect();
    let epochs = groups.iter().map(RunGroup::epochs).max().unwrap_or(2).max(2);
    gap_lines(&lines, [1.0, f64::from(epochs)])
}

/// Gaps over the epochs `x`, the first one's dashed where there are others.
/// Fails if the chart cannot be drawn.
pub fn gap_lines(lines: &[Vec<CurvePoint>], x: [f64; 2]) -> Result<String> {
    let y = range(lines.iter().flatten().flat_map(CurvePoint::ends).chain([0.0]), DIVERGED);
    svg(300, "gap in loss over the epochs", |area| {
        let mut axes = Frame { x_text: &whole, ..Frame::new([x, y], "epoch", "gap [nats]") }.draw(area)?;
        axes.draw_series([PathElement::new([(x[0], 0.0), (x[1], 0.0)], GRID.stroke_width(2))])?;
        for (index, line) in lines.iter().enumerate().rev() {
            let is_baseline = index == 0 && lines.len() > 1;
            curve(&mut axes, line, y, series(index), is_baseline)?;
        }
        Ok(())
    })
}
