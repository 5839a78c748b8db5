//! Every seed as a dot with its interval.

use anyhow::Result;
use plotters::prelude::*;

use super::canvas::{Frame, series, svg};
use crate::report::{ReportedRun, RunGroup};

/// Val loss of each run after its last epoch with the 95 % interval over images (± 1.96 standard errors; whole groups
/// where the images have some), a band of rows for each group of runs.
/// Fails if the chart cannot be drawn.
pub fn seeds(groups: &[RunGroup]) -> Result<String> {
    let mut rows: Vec<Vec<[f64; 3]>> = Vec::new();
    for group in groups {
        rows.push(group.shown().into_iter().filter_map(interval).collect());
    }
    let low = rows.iter().flatten().flatten().copied().fold(f64::INFINITY, f64::min);
    let high = rows.iter().flatten().flatten().copied().fold(f64::NEG_INFINITY, f64::max);
    let x = if low < high { [low - 0.05 * (high - low), high + 0.05 * (high - low)] } else { [0.0, 1.0] };
    // A row for each run and one of space between groups.
    let height: usize = rows.iter().map(|runs| runs.len() + 1).sum();
    let y = [-(height as f64), 0.0];
    svg(60 + 16 * height as u32, "val loss of each run with its interval", |area| {
        let mut axes = Frame::without_y_axis([x, y], "val loss [nats]").draw(area)?;
        let mut at = -1.0;
        for (group, runs) in rows.iter().enumerate() {
            let colour = series(group);
            for [low, value, high] in runs {
                axes.draw_series([PathElement::new([(*low, at), (*high, at)], colour.stroke_width(2))])?;
                axes.draw_series([Circle::new((*value, at), 4, colour.filled())])?;
                at -= 1.0;
            }
            at -= 1.0;
        }
        Ok(())
    })
}

/// Low end, mean and high end of a run's val loss; None where the run has no measured images or no finite loss.
fn interval(run: &ReportedRun) -> Option<[f64; 3]> {
    let measured = &run.val.as_ref()?.measured;
    let (mean, reach) = (measured.mean_loss(), 1.96 * measured.loss_error());
    (mean + reach).is_finite().then_some([mean - reach, mean, mean + reach])
}
