//! Probe and val over the epochs, with the learning rate below.

use anyhow::Result;
use plotters::prelude::*;

use super::canvas::{Area, Frame, INK, PROBE, VAL, curve, decimal, drawing, percentages, range, svg, whole};
use crate::{
    compare::MeanSd,
    report::{CurvePoint, RunGroup},
    run::EpochRecord,
};

/// What is shown of each epoch.
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

    fn probe(self, record: &EpochRecord) -> f64 {
        match self {
            Self::Loss => record.probe_loss,
            Self::Accuracy => record.probe_acc,
        }
    }

    fn val(self, record: &EpochRecord) -> f64 {
        match self {
            Self::Loss => record.val_loss,
            Self::Accuracy => record.val_acc,
        }
    }
}

/// `metric` of the group's probe and val, the `baseline`'s dashed, on axes that fit all `groups`.
///
/// # Errors
/// The drawing crate gives up.
pub fn curves(metric: Metric, group: &RunGroup, baseline: Option<&RunGroup>, groups: &[RunGroup]) -> Result<String> {
    let ends = groups.iter().flat_map(|group| {
        let probe = group.curve(|record| metric.probe(record));
        let val = group.curve(|record| metric.val(record));
        probe.into_iter().chain(val).flat_map(|point| point.ends())
    });
    let y = match metric {
        Metric::Loss => range(ends),
        Metric::Accuracy => percentages(ends),
    };
    let own = baseline.map_or(group.epochs(), |baseline| baseline.epochs().max(group.epochs()));
    let x = [1.0, f64::from(own.max(2))];
    let label = format!("{} of probe and val over the epochs", metric.label());
    svg(340, &label, |area| {
        let (upper, lower) = area.split_vertically(240);
        let mut axes =
            Frame { x, y, x_label: "", y_label: metric.label(), x_text: &whole, y_text: &decimal, y_lines: 6 }
                .draw(&upper)?;
        for (side, colour) in [(Side::Probe, PROBE), (Side::Val, VAL)] {
            let of = |group: &RunGroup| match side {
                Side::Probe => group.curve(|record| metric.probe(record)),
                Side::Val => group.curve(|record| metric.val(record)),
            };
            if let Some(baseline) = baseline {
                curve(&mut axes, &of(baseline), y, colour, true)?;
            }
            curve(&mut axes, &of(group), y, colour, false)?;
        }
        rate(&lower, group.curve(|record| record.lr).iter().map(of_mean).collect(), x)
    })
}

#[derive(Clone, Copy)]
enum Side {
    Probe,
    Val,
}

/// `metric` of training and val over the epochs of a log, each (epoch, figure), and the learning rate below.
///
/// # Errors
/// The drawing crate gives up.
pub fn log_curves(metric: Metric, train: &[(f64, f64)], val: &[(f64, f64)], rates: &[(f64, f64)]) -> Result<String> {
    let figures = || train.iter().chain(val).map(|(_, figure)| *figure);
    let y = match metric {
        Metric::Loss => range(figures()),
        Metric::Accuracy => percentages(figures()),
    };
    let epochs = || train.iter().chain(val).map(|(epoch, _)| *epoch);
    let first = epochs().fold(f64::INFINITY, f64::min);
    let x = if first.is_finite() { [first, epochs().fold(first + 1.0, f64::max)] } else { [0.0, 1.0] };
    let label = format!("{} of training and val over the epochs", metric.label());
    svg(340, &label, |area| {
        let (upper, lower) = if rates.is_empty() {
            (area.clone(), None)
        } else {
            let (upper, lower) = area.split_vertically(240);
            (upper, Some(lower))
        };
        let x_label = if rates.is_empty() { "epoch" } else { "" };
        let mut axes = Frame { x, y, x_label, y_label: metric.label(), x_text: &whole, y_text: &decimal, y_lines: 6 }
            .draw(&upper)?;
        curve(&mut axes, &points(train), y, PROBE, false)?;
        curve(&mut axes, &points(val), y, VAL, false)?;
        lower.map_or(Ok(()), |lower| rate(&lower, rates.to_vec(), x))
    })
}

/// (epoch, figure) of one run as points of a curve.
pub fn points(figures: &[(f64, f64)]) -> Vec<CurvePoint> {
    let point = |&(epoch, figure): &(f64, f64)| CurvePoint { epoch: epoch as u32, figure: MeanSd::of(vec![figure]) };
    figures.iter().map(point).collect()
}

/// The learning rate, on a logarithmic axis where it spans much.
fn rate(area: &Area, rates: Vec<(f64, f64)>, x: [f64; 2]) -> Result<()> {
    let highest = rates.iter().map(|(_, rate)| *rate).fold(0.0, f64::max);
    let lowest = rates.iter().map(|(_, rate)| *rate).filter(|rate| *rate > 0.0).fold(highest, f64::min);
    // A rate of 0, as at the end of a cosine, has no logarithm and is drawn at the bottom.
    let is_log = highest > 20.0 * lowest && lowest > 0.0;
    let floor = lowest.max(1e-4 * highest);
    let place = |rate: f64| if is_log { rate.max(floor).log10() } else { rate };
    let y = if is_log { [floor.log10() - 0.1, highest.log10() + 0.1] } else { [0.0, 1.1 * highest.max(1e-12)] };
    let y_text = |value: f64| if is_log { format!("{:.0e}", 10f64.powf(value)) } else { short(value) };
    let mut axes =
        Frame { x, y, x_label: "epoch", y_label: "rate", x_text: &whole, y_text: &y_text, y_lines: 3 }.draw(area)?;
    let line = rates.into_iter().map(|(epoch, rate)| (epoch, place(rate)));
    axes.draw_series(LineSeries::new(line, INK.stroke_width(1))).map_err(drawing)?;
    Ok(())
}

fn of_mean(point: &CurvePoint) -> (f64, f64) {
    (f64::from(point.epoch), point.figure.mean)
}

/// A rate in few characters.
fn short(rate: f64) -> String {
    if rate != 0.0 && rate < 1e-3 { format!("{rate:.0e}") } else { decimal(rate) }
}
