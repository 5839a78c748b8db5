//! What does a series do lately: does it fall, stand still or rise, or does noise hide it?
//!
//! The slope of the last piece of a piecewise linear fit decides, with a standard error that allows for the correlation of
//! neighbouring epochs.

use super::{
    hinges::Hinges,
    piecewise::{FEW, fit, variance_inflation},
    spikes::without_spikes,
    student::student_quantile,
};

/// Above this number, points are averaged in groups.
const MANY: usize = 80;
/// One-sided probabilities of the slope's interval: for a series that moves, and for one that stands still.
const SURE_TO_MOVE: f64 = 0.995;
const SURE_TO_STAND: f64 = 0.95;
/// Share of its level by which a moving series moves over a third of its length, at least.
const MOVES: f64 = 0.01;
/// Share of its level by which a series that stands still moves over a third of its length, at most.
const STILL: f64 = 0.04;

/// What a series does lately, in one word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Course {
    /// The series falls to its end.
    Falls,
    /// The series has stopped moving.
    Stands,
    /// The series rises to its end.
    Rises,
    /// The series is too noisy or too short to judge.
    #[default]
    Unclear,
}

impl Course {
    /// The course as a predicate of "val loss".
    pub fn words(self) -> &'static str {
        match self {
            Self::Falls => "still falls",
            Self::Stands => "stands still",
            Self::Rises => "rises",
            Self::Unclear => "has no trend that exceeds its noise",
        }
    }
}

/// Nats by which a moving loss moves at least, however small it is.
const NATS: f64 = 0.002;

/// What a series does lately, with figures.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Lately {
    /// Whether it falls, stands still, rises or is unclear.
    pub course: Course,
    /// The x since when the series does so.
    pub since: f64,
    /// Slope of the last straight piece, in units of y per unit of x.
    pub slope: f64,
    /// Standard error of the slope, allowing for the correlation of neighbouring points.
    pub error: f64,
    /// Standard deviation of the last points about the fitted line.
    pub noise: f64,
    /// The fitted line at the last point.
    pub end: f64,
    /// The lowest value of the fitted line.
    pub lowest: f64,
}

impl Lately {
    /// The course as a predicate: `stands still since epoch 12`.
    pub fn words(&self) -> String {
        match self.course {
            Course::Falls | Course::Unclear => self.course.words().to_owned(),
            Course::Stands | Course::Rises => format!("{} since epoch {:.0}", self.course.words(), self.since),
        }
    }

    /// What a loss does at the end of the points (epoch, nats), epochs rising; None below five points, or where a number
    /// is not finite.
    pub fn of_loss(points: &[(f64, f64)]) -> Option<Self> {
        if points.len() < FEW || points.iter().any(|(x, y)| !(x.is_finite() && y.is_finite())) {
            return None;
        }
        let points = without_spikes(&grouped(points));
        let n = points.len();
        let spacing = (points[n - 1].0 - points[0].0) / (n - 1) as f64;
        let fit = fit(&points)?;
        // The points before a late step, such as a drop of the learning rate, say nothing about those after it.
        let after = points.iter().filter(|(x, _)| fit.last_step(spacing).is_some_and(|step| *x >= step)).count();
        if (FEW..n / 3).contains(&after) {
            let lowest = points.iter().map(|&(x, _)| fit.at(x)).fold(f64::INFINITY, f64::min);
            let late = Self::of_loss(&points[n - after..])?;
            return Some(Self { lowest: late.lowest.min(lowest), ..late });
        }
        let knot = fit.knots.iter().copied().fold(points[0].0, f64::max);
        let inside = points.iter().filter(|(x, _)| *x >= knot).count();
        let residuals: Vec<f64> = points.iter().map(|&(x, y)| y - fit.at(x)).collect();
        let end = fit.at(points[n - 1].0);
        let scale = Scale { moves: (MOVES * end.abs()).max(NATS), still: (STILL * end.abs()).max(3.0 * NATS) };
        let horizon = ((n as f64 / 3.0).max(5.0) * spacing).min(points[n - 1].0 - points[0].0);
        let mut slope = Slope::of(fit.last_slope(), &residuals[n - inside.max(10).min(n)..]);
        let mut course = scale.judge(&slope, horizon);
        // An early fall tilts a long last piece. A true movement continues in its second half, at least half as fast.
        let late = (inside / 2).max(4).min(n);
        let tail = Slope::of_line(&points[n - late..])?;
        let least = 0.5 * scale.moves.max(slope.value.abs() * horizon);
        let continues = match course {
            Course::Falls => -tail.value * horizon > least,
            Course::Rises => tail.value * horizon > least,
            Course::Stands | Course::Unclear => true,
        };
        if !continues {
            course = if slope.value.abs() * horizon < scale.still { Course::Stands } else { Course::Unclear };
        }
        let mut latest = f64::INFINITY;
        if course == Course::Unclear
            && let Some(ends) = by_the_ends(&points, &scale, spacing, horizon)
        {
            (course, slope, latest) = ends;
        }
        if matches!(course, Course::Unclear | Course::Stands)
            && let Some(fall) = by_falling_throughout(&points)
        {
            (course, slope, latest) = fall;
        }
        let line: Vec<(f64, f64)> = points.iter().map(|&(x, _)| (x, fit.at(x))).collect();
        let lowest = line.iter().map(|(_, y)| *y).fold(f64::INFINITY, f64::min);
        let tolerance = scale.moves.max(slope.noise).max(1.01 * slope.value.abs() * horizon);
        let mut since = since(course, &line, tolerance, knot).min(latest);
        if course == Course::Rises {
            // A straight line through few points may rise from the first on, where the series fell at first.
            since = since.max(
                points.iter().copied().reduce(|a, b| if b.1 < a.1 { b } else { a }).map_or(since, |lowest| lowest.0),
            );
        }
        let lately = Self { course, since, slope: slope.value, error: slope.error, noise: slope.noise, end, lowest };
        [since, lately.slope, lately.error, lately.noise, end, lowest].iter().all(|x| x.is_finite()).then_some(lately)
    }
}

/// A second judgement where the last piece is too short: by the last third alone, or by a movement of the last half that
/// the last third does not contradict. Also returns the x from which it holds.
fn by_the_ends(points: &[(f64, f64)], scale: &Scale, spacing: f64, horizon: f64) -> Option<(Course, Slope, f64)> {
    let n = points.len();
    let third = (n / 3).max(4).min(n);
    let half = (n / 2).max(4).min(n);
    let of_third = Slope::of_line(&points[n - third..])?;
    let of_half = Slope::of_line(&points[n - half..])?;
    let by_third = scale.judge(&of_third, (third - 1) as f64 * spacing);
    let by_half = scale.judge(&of_half, (half - 1) as f64 * spacing);
    let continues = of_third.value * of_half.value.signum() * horizon > scale.moves;
    match (by_third, by_half) {
        (Course::Unclear, Course::Falls | Course::Rises) if continues => Some((by_half, of_third, points[n - half].0)),
        (Course::Unclear, _) => None,
        _ => Some((by_third, of_third, points[n - third].0)),
    }
}

/// Points at the end that fall without a break where a series is said to fall for that reason.
const UNBROKEN: usize = 6;
/// Share of its level by which it falls at the last point, at least.
const LAST_STEP: f64 = 0.003;

/// A third judgement for short series, whose bend is larger than their noise: each of the last points is below the one before. Of six
/// points without a trend one series in 720 does that.
fn by_falling_throughout(points: &[(f64, f64)]) -> Option<(Course, Slope, f64)> {
    let n = points.len();
    let end = &points[n - UNBROKEN.min(n)..];
    let last_step = points[n - 2].1 - points[n - 1].1;
    let falls = end.windows(2).all(|pair| pair[1].1 < pair[0].1) && last_step > LAST_STEP * points[n - 1].1.abs();
    let slope = Slope::of_line(&points[n - 4..]).filter(|_| falls)?;
    Some((Course::Falls, slope, end[0].0))
}

/// A slope with its error.
struct Slope {
    value: f64,
    error: f64,
    /// Standard deviation of the residuals.
    noise: f64,
    /// Degrees of freedom of the residuals.
    freedom: f64,
}

impl Slope {
    /// From a slope with its standard error for noise of 1, and the residuals, which give the noise.
    fn of((value, unit): (f64, f64), residuals: &[f64]) -> Self {
        let freedom = (residuals.len() as f64 - 2.0).max(1.0);
        let noise = (residuals.iter().map(|r| r * r).sum::<f64>() / freedom).sqrt();
        Self { value, error: unit * noise * variance_inflation(residuals).sqrt(), noise, freedom }
    }

    /// The slope of the straight line through the points.
    fn of_line(points: &[(f64, f64)]) -> Option<Self> {
        let line = Hinges::through(points, &[])?;
        let residuals: Vec<f64> = points.iter().map(|&(x, y)| y - line.at(x)).collect();
        Some(Self::of(line.last_slope(), &residuals))
    }
}

/// Thresholds of movement, in units of y.
struct Scale {
    moves: f64,
    still: f64,
}

impl Scale {
    /// What a series with this slope does over `horizon`.
    fn judge(&self, slope: &Slope, horizon: f64) -> Course {
        let change = slope.value * horizon;
        let least_to_move = student_quantile(SURE_TO_MOVE, slope.freedom) * slope.error * horizon;
        let doubt_about_rest = student_quantile(SURE_TO_STAND, slope.freedom) * slope.error * horizon;
        let moves = change.abs() > least_to_move && change.abs() > self.moves;
        if moves && change < 0.0 {
            Course::Falls
        } else if moves {
            Course::Rises
        } else if change.abs() + doubt_about_rest < self.still {
            Course::Stands
        } else {
            Course::Unclear
        }
    }
}

/// The first x from which on the line does what `course` says.
fn since(course: Course, line: &[(f64, f64)], tolerance: f64, knot: f64) -> f64 {
    let end = line[line.len() - 1].1;
    let holds = |pair: &[(f64, f64)]| match course {
        Course::Falls => pair[0].1 > pair[1].1,
        Course::Rises => pair[0].1 < pair[1].1,
        Course::Stands => (pair[0].1 - end).abs() <= tolerance,
        Course::Unclear => pair[0].0 >= knot,
    };
    let first = line.windows(2).rposition(|pair| !holds(pair)).map_or(0, |at| at + 1);
    line[first].0
}

/// At most [`MANY`] points, each the mean of as many neighbours.
fn grouped(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let size = points.len().div_ceil(MANY);
    let mut groups = Vec::new();
    // Groups are cut from the end, so that the newest one is complete.
    for group in points.rchunks(size) {
        let n = group.len() as f64;
        let (x, y) = group.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
        groups.push((x / n, y / n));
    }
    groups.reverse();
    groups
}

#[cfg(test)]
#[path = "course_tests.rs"]
mod tests;
