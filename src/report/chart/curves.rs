//! Probe and val over the epochs, with the learning rate below.

use anyhow::Result;
use plotters::prelude::*;

use super::canvas::{Area, DIVERGED, Frame, INK, PROBE, VAL, curve, decimal, range, svg, whole};
use crate::{
    compare::MeanSd,
    report::{CurvePoint, RunGroup},
    run::EpochRecord,
};

/// The figure that a chart shows of each epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Loss \[nats\].
    Loss,
    /// Accuracy \[%\].
    Accuracy,
}

impl Metric {
    fn label(self) -> &'static str {
        match self {
            Self::Loss => "loss [nats]",
            Self::Accuracy => "accuracy [%]",
        }
    }

    /// The figures of probe and val.
    fn figures(self) -> [fn(&EpochRecord) -> f64; 2] {
        match self {
            Self::Loss => [|record| record.probe_loss, |record| record.val_loss],
            Self::Accuracy => [|record| record.probe_acc, |record| record.val_acc],
        }
    }

    /// The range of the axis that shows `figures`.
    fn range(self, figures: impl IntoIterator<Item = f64>) -> [f64; 2] {
        match self {
            Self::Loss => range(figures, DIVERGED),
            Self::Accuracy => range(figures, f64::INFINITY),
        }
    }
}

/// `metric` of the group's probe and val, the `baseline`'s dashed, on axes that fit all `groups`.
/// Fails if the chart cannot be drawn.
pub fn curves(metric: Metric, group: &RunGroup, baseline: Option<&RunGroup>, groups: &[RunGroup]) -> Result<String> {
    let y = metric.range(groups.iter().flat_map(|group| {
        let points = metric.figures().into_iter().flat_map(move |figure| group.curve(figure));
        points.flat_map(|point| point.ends())
    }));
    let own = baseline.map_or(group.epochs(), |baseline| baseline.epochs().max(group.epochs()));
    let x = [1.0, f64::from(own.max(2))];
    let label = format!("{} of probe and val over the epochs", metric.label());
    svg(340, &label, |area| {
        let (upper, lower) = area.split_vertically(240);
        let mut axes = Frame { x_text: &whole, ..Frame::new([x, y], "", metric.label()) }.draw(&upper)?;
        for (figure, colour) in metric.figures().into_iter().zip([PROBE, VAL]) {
            if let Some(baseline) = baseline {
                curve(&mut axes, &baseline.curve(figure), y, colour, true)?;
            }
            curve(&mut axes, &group.curve(figure), y, colour, false)?;
        }
        let rates = group.curve(|record| record.lr);
        rate(&lower, rates.iter().map(|point| (f64::from(point.epoch), point.figure.mean)).collect(), x)
    })
}

/// `metric` of training and val over the epochs of a log, each (epoch, figure), and the learning rate below.
/// Fails if the chart cannot be drawn.
pub fn log_curves(metric: Metric, train: &[(f64, f64)], val: &[(f64, f64)], rates: &[(f64, f64)]) -> Result<String> {
    let (epochs, figures): (Vec<f64>, Vec<f64>) = train.iter().chain(val).copied().unzip();
    let y = metric.range(figures);
    let first = epochs.iter().copied().fold(f64::INFINITY, f64::min);
    let x = if first.is_finite() { [first, epochs.into_iter().fold(first + 1.0, f64::max)] } else { [0.0, 1.0] };
    let label = format!("{} of training and val over the epochs", metric.label());
    svg(340, &label, |area| {
        let (upper, lower) = if rates.is_empty() {
            (area.clone(), None)
        } else {
            let (upper, lower) = area.split_vertically(240);
            (upper, Some(lower))
        };
        let x_label = if rates.is_empty() { "epoch" } else { "" };
        let mut axes = Frame { x_text: &whole, ..Frame::new([x, y], x_label, metric.label()) }.draw(&upper)?;
        curve(&mut axes, &points(train), y, PROBE, false)?;
        curve(&mut axes, &points(val), y, VAL, false)?;
        lower.map_or(Ok(()), |lower| rate(&lower, rates.to_vec(), x))
    })
}

/// (epoch, figure) of one run as points of a curve.
pub fn points(figures: &[(f64, f64)]) -> Vec<CurvePoint> {
    let mut points = Vec::new();
    for &(epoch, figure) in figures {
        points.push(CurvePoint { epoch: epoch as u32, figure: MeanSd::of(vec![figure]) });
    }
    points
}

/// The learning rate, on a logarithmic axis where it spans much.
fn rate(area: &Area, rates: Vec<(f64, f64)>, x: [f64; 2]) -> Result<()> {
    let highest = rates.iter().map(|(_, rate)| *rate).fold(0.0, f64::max);
    let lowest = rates.iter().map(|(_, rate)| *rate).filter(|rate| *rate > 0.0).fold(highest, f64::min);
    let is_log = highest > 20.0 * lowest && lowest > 0.0;
    // A rate of 0, as at the end of a cosine, has no logarithm and is drawn at the bottom.
    let bottom = lowest.max(1e-4 * highest);
    let y = if is_log { [bottom.log10() - 0.1, highest.log10() + 0.1] } else { [0.0, 1.1 * highest.max(1e-12)] };
    let y_text = |value: f64| if is_log { format!("{:.0e}", 10f64.powf(value)) } else { short(value) };
    let frame = Frame { x_text: &whole, y_text: &y_text, y_lines: 3, ..Frame::new([x, y], "epoch", "rate") };
    let mut axes = frame.draw(area)?;
    let line = rates.into_iter().map(|(epoch, rate)| (epoch, if is_log { rate.max(bottom).log10() } else { rate }));
    axes.draw_series(LineSeries::new(line, INK.stroke_width(1)))?;
    Ok(())
}

/// A rate in few characters.
fn short(rate: f64) -> String {
    if rate != 0.0 && rate < 1e-3 { format!("{rate:.0e}") } else { decimal(rate) }
}
