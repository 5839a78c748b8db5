//! Is a smaller gap a better model? The gap against val loss.

use anyhow::Result;
use plotters::prelude::*;

use super::canvas::{DIVERGED, Frame, range, series, svg};
use crate::{report::RunGroup, run::EpochRecord};

/// A dot for each run after its last epoch, a ring for the mean of each group: left is a smaller gap, down a better
/// model. A single run shows its course, a point for each epoch.
/// Fails if the chart cannot be drawn.
pub fn trade_off(groups: &[RunGroup]) -> Result<String> {
    let dots = |group: &RunGroup| places(group.shown().into_iter().filter_map(|run| run.epochs.last()));
    let way = match groups {
        [group] if group.runs.len() == 1 => places(&group.runs[0].epochs),
        _ => Vec::new(),
    };
    let all: Vec<(f64, f64)> = groups.iter().flat_map(dots).chain(way.iter().copied()).collect();
    let x = range(all.iter().map(|dot| dot.0), DIVERGED);
    let y = range(all.iter().map(|dot| dot.1), DIVERGED);
    svg(300, "gap against val loss, a dot for each run", |area| {
        let mut axes = Frame::new([x, y], "gap [nats]", "val loss [nats]").draw(area)?;
        let inside = |(gap, val): (f64, f64)| (gap.clamp(x[0], x[1]), val.clamp(y[0], y[1]));
        let steps = way.iter().map(|&step| inside(step));
        axes.draw_series(LineSeries::new(steps, series(0).stroke_width(1)).point_size(2))?;
        for (index, group) in groups.iter().enumerate() {
            let (dots, colour) = (dots(group), series(index));
            axes.draw_series(dots.iter().map(|&dot| Circle::new(inside(dot), 4, colour.filled())))?;
            if dots.len() > 1 {
                let n = dots.len() as f64;
                let mean = dots.iter().fold((0.0, 0.0), |sum, dot| (sum.0 + dot.0 / n, sum.1 + dot.1 / n));
                axes.draw_series([Circle::new(inside(mean), 9, colour.stroke_width(2))])?;
            }
        }
        Ok(())
    })
}

fn places<'a>(records: impl IntoIterator<Item = &'a EpochRecord>) -> Vec<(f64, f64)> {
    let places = records.into_iter().map(|record| (record.gap_loss, record.val_loss));
    places.filter(|(gap, val)| (gap + val).is_finite()).collect()
}
