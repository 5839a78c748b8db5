//! What does a series do lately: fall, stand still, rise, or can it not be told from its noise?
//!
//! A continuous line of straight pieces goes through the points. Knots are added where they lower the sum of squares most
//! (the forward pass of Friedman's MARS, 1991), and as many are kept as an F-test at a strict level finds worth it.
//! The slope of the last piece, with a standard error that allows for neighbouring epochs being alike, is the answer.

use statrs::distribution::{ContinuousCDF, FisherSnedecor, StudentsT};

use super::{hinges::Hinges, spikes::without_spikes};

/// Points below which nothing is told.
const FEW: usize = 5;
/// More points than this are averaged in groups.
const MANY: usize = 80;
/// Knots at most.
const KNOTS: usize = 6;
/// Level of the test that a further knot must pass: its place was chosen among many.
const LEVEL: f64 = 0.002;
/// One-sided probabilities of the slope's interval: to be called moving, and to be called still.
const SURE_TO_MOVE: f64 = 0.995;
const SURE_TO_STAND: f64 = 0.95;
/// Share of the level by which a series must move over a third of its length to be called moving.
const MOVES: f64 = 0.01;
/// Share of the level within which the movement over a third of its length must surely lie for it to stand still.
const STILL: f64 = 0.04;

/// The four answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Course {
    /// It falls to the end.
    Falls,
    /// It has stopped moving.
    Stands,
    /// It rises to the end.
    Rises,
    /// Its noise is too large, or the series too short, to tell.
    Unclear,
}

impl Course {
    /// In words that follow "val loss".
    pub fn words(self) -> &'static str {
        match self {
            Self::Falls => "still falls",
            Self::Stands => "stands still",
            Self::Rises => "rises",
            Self::Unclear => "has a trend that cannot be told from noise",
        }
    }
}

/// Nats by which a loss must move to be called moving, however small it is.
const NATS: f64 = 0.002;

/// What a series does lately.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Lately {
    /// The answer.
    pub course: Course,
    /// The x since when it does so.
    pub since: f64,
    /// Slope of the last straight piece, in units of y per unit of x.
    pub slope: f64,
    /// Standard error of the slope, with neighbouring points allowed to be alike.
    pub error: f64,
    /// Standard deviation of the last points about the line.
    pub noise: f64,
    /// The line at the last point.
    pub end: f64,
    /// The line at its lowest point.
    pub lowest: f64,
}

impl Lately {
    /// What a loss does at the end of these (epoch, nats).
    pub fn of_loss(losses: &[(f64, f64)]) -> Option<Self> {
        Self::of(losses, NATS)
    }

    /// The answer as the end of a sentence: `stands still since epoch 12`.
    pub fn words(&self) -> String {
        match self.course {
            Course::Falls | Course::Unclear => self.course.words().to_owned(),
            Course::Stands | Course::Rises => format!("{} since epoch {:.0}", self.course.words(), self.since),
        }
    }

    /// What the points (x, y), x rising, do at their end; None below five points, or where a number is not finite.
    /// `floor` is the movement, in units of y, below which none is worth words whatever the level.
    fn of(points: &[(f64, f64)], floor: f64) -> Option<Self> {
        if points.len() < FEW || points.iter().any(|(x, y)| !(x.is_finite() && y.is_finite())) {
            return None;
        }
        let points = without_spikes(&grouped(points));
        let n = points.len();
        let spacing = (points[n - 1].0 - points[0].0) / (n - 1) as f64;
        let fit = fit(&points)?;
        // What comes before a late step, as where the learning rate drops, says nothing of what comes after it.
        let after = points.iter().filter(|(x, _)| fit.last_step(spacing).is_some_and(|step| *x >= step)).count();
        if (FEW..n / 3).contains(&after) {
            let lowest = points.iter().map(|&(x, _)| fit.at(x)).fold(f64::INFINITY, f64::min);
            let late = Self::of(&points[n - after..], floor)?;
            return Some(Self { lowest: late.lowest.min(lowest), ..late });
        }
        let knot = fit.knots.iter().copied().fold(points[0].0, f64::max);
        let inside = points.iter().filter(|(x, _)| *x >= knot).count();
        let residuals: Vec<f64> = points.iter().map(|&(x, y)| y - fit.at(x)).collect();
        let end = fit.at(points[n - 1].0);
        let scale = Scale { moves: (MOVES * end.abs()).max(floor), still: (STILL * end.abs()).max(3.0 * floor) };
        let horizon = ((n as f64 / 3.0).max(5.0) * spacing).min(points[n - 1].0 - points[0].0);
        let mut slope = Slope::of(fit.last_slope(), &residuals[n - inside.max(10).min(n)..]);
        let mut course = scale.judge(&slope, horizon);
        // The tail of an early fall tilts a long last piece: its second half must move half as fast at least.
        let late = (inside / 2).max(4).min(n);
        let tail = Slope::of_line(&points[n - late..])?;
        let least = 0.5 * scale.moves.max(slope.value.abs() * horizon);
        let agrees = |course: Course| match course {
            Course::Falls => -tail.value * horizon > least,
            Course::Rises => tail.value * horizon > least,
            Course::Stands | Course::Unclear => true,
        };
        if !agrees(course) {
            course = if slope.value.abs() * horizon < scale.still { Course::Stands } else { Course::Unclear };
        }
        let mut latest = f64::INFINITY;
        if course == Course::Unclear
            && let Some(ends) = by_the_ends(&points, &scale, spacing, horizon)
        {
            (course, slope, latest) = ends;
        }
        let line: Vec<(f64, f64)> = points.iter().map(|&(x, _)| (x, fit.at(x))).collect();
        let lowest = line.iter().map(|(_, y)| *y).fold(f64::INFINITY, f64::min);
        let tolerance = scale.moves.max(slope.noise).max(1.01 * slope.value.abs() * horizon);
        let since = since(course, &line, tolerance, knot).min(latest);
        let lately = Self { course, since, slope: slope.value, error: slope.error, noise: slope.noise, end, lowest };
        [since, lately.slope, lately.error, lately.noise, end, lowest].iter().all(|x| x.is_finite()).then_some(lately)
    }
}

/// A second look where the last piece is too short to tell: at the last third alone, or at a movement of the last half
/// that the last third does not contradict. With the x from which it holds.
fn by_the_ends(points: &[(f64, f64)], scale: &Scale, spacing: f64, horizon: f64) -> Option<(Course, Slope, f64)> {
    let n = points.len();
    let (third, half) = ((n / 3).max(4).min(n), (n / 2).max(4).min(n));
    let (of_third, of_half) = (Slope::of_line(&points[n - third..])?, Slope::of_line(&points[n - half..])?);
    let span = |count: usize| (count - 1) as f64 * spacing;
    let (by_third, by_half) = (scale.judge(&of_third, span(third)), scale.judge(&of_half, span(half)));
    let goes_on = of_third.value * of_half.value.signum() * horizon > scale.moves;
    match (by_third, by_half) {
        (Course::Unclear, Course::Falls | Course::Rises) if goes_on => Some((by_half, of_third, points[n - half].0)),
        (Course::Unclear, _) => None,
        _ => Some((by_third, of_third, points[n - third].0)),
    }
}

/// A slope with its error.
struct Slope {
    value: f64,
    error: f64,
    /// Standard deviation of the points that the error was taken from, and how many of them are free.
    noise: f64,
    freedom: f64,
}

impl Slope {
    /// From a slope with its standard error for noise of 1, and the residuals that tell the noise.
    fn of((value, unit): (f64, f64), residuals: &[f64]) -> Self {
        let freedom = (residuals.len() as f64 - 2.0).max(1.0);
        let noise = (residuals.iter().map(|r| r * r).sum::<f64>() / freedom).sqrt();
        Self { value, error: unit * noise * likeness(residuals).sqrt(), noise, freedom }
    }

    /// Of the straight line through the points.
    fn of_line(points: &[(f64, f64)]) -> Option<Self> {
        let line = Hinges::through(points, &[])?;
        let residuals: Vec<f64> = points.iter().map(|&(x, y)| y - line.at(x)).collect();
        Some(Self::of(line.last_slope(), &residuals))
    }
}

/// What counts as movement, in units of y.
struct Scale {
    moves: f64,
    still: f64,
}

impl Scale {
    /// What a series with this slope does over `horizon`.
    fn judge(&self, slope: &Slope, horizon: f64) -> Course {
        let Ok(student) = StudentsT::new(0.0, 1.0, slope.freedom) else { return Course::Unclear };
        let change = slope.value * horizon;
        let reach = |probability: f64| student.inverse_cdf(probability) * slope.error * horizon;
        let is_sure = change.abs() > reach(SURE_TO_MOVE) && change.abs() > self.moves;
        match change {
            change if is_sure && change < 0.0 => Course::Falls,
            _ if is_sure => Course::Rises,
            change if change.abs() + reach(SURE_TO_STAND) < self.still => Course::Stands,
            _ => Course::Unclear,
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

/// The pieces, with as many knots as are worth it.
fn fit(points: &[(f64, f64)]) -> Option<Hinges> {
    let n = points.len();
    // The last piece needs enough points to have a slope of its own.
    let last = (n / 5).clamp(3, 15);
    let candidates: Vec<f64> = points[1..n.saturating_sub(last).max(1)].iter().map(|(x, _)| *x).collect();
    // A step is plain sooner than a turn.
    let for_steps: Vec<f64> = points[1..n.saturating_sub(FEW - 1).max(1)].iter().map(|(x, _)| *x).collect();
    let level = points.iter().map(|(_, y)| y.abs()).sum::<f64>() / n as f64;
    // An early fall, a step and a turn each need knots before the line comes near the points, so that all lines up to the
    // largest are made before any is judged.
    let mut fits = vec![Hinges::through(points, &[])?];
    // A line that is this close needs no further knot.
    while fits.len() <= KNOTS && fits.last().is_some_and(|fit| (fit.squares / n as f64).sqrt() > 2e-4 * level) {
        let count = fits.len();
        let one = with_a_knot(points, &candidates, &fits[count - 1]);
        let step = count.checked_sub(2).and_then(|before| with_a_step(points, &for_steps, &fits[before]));
        let better = one.into_iter().chain(step).min_by(|a, b| a.squares.total_cmp(&b.squares));
        match better {
            Some(better) => fits.push(better),
            None => break,
        }
    }
    let mut fits = fits.into_iter();
    let mut best = fits.next()?;
    for more in fits {
        if is_worth(points, &best, &more, level) {
            best = more;
        }
    }
    Some(best)
}

/// The line with one knot more, where it helps most, and all knots moved to their best places.
fn with_a_knot(points: &[(f64, f64)], candidates: &[f64], fit: &Hinges) -> Option<Hinges> {
    let with = |knot: &f64| {
        let knots: Vec<f64> = fit.knots.iter().copied().chain([*knot]).collect();
        Hinges::through(points, &knots)
    };
    let free = candidates.iter().filter(|knot| !fit.knots.contains(knot));
    let better = free.filter_map(with).min_by(|a, b| a.squares.total_cmp(&b.squares))?;
    Some(settled(points, candidates, better))
}

/// The line with two knots more, at neighbouring points: a step, as where the learning rate drops.
fn with_a_step(points: &[(f64, f64)], candidates: &[f64], fit: &Hinges) -> Option<Hinges> {
    let free = candidates.windows(2).filter(|pair| pair.iter().all(|knot| !fit.knots.contains(knot)));
    let with = |pair: &[f64]| {
        let knots: Vec<f64> = fit.knots.iter().chain(pair).copied().collect();
        Hinges::through(points, &knots)
    };
    free.filter_map(with).min_by(|a, b| a.squares.total_cmp(&b.squares))
}

/// Whether the knots that `more` has beyond `fit` explain more than chance does: each costs its place and its slope.
fn is_worth(points: &[(f64, f64)], fit: &Hinges, more: &Hinges, level: f64) -> bool {
    let n = points.len() as f64;
    let cost = 2.0 * (more.knots.len() - fit.knots.len()) as f64;
    let freedom = n - 2.0 - 2.0 * more.knots.len() as f64;
    if freedom < 1.0 {
        return false;
    }
    let residuals: Vec<f64> = points.iter().map(|&(x, y)| y - more.at(x)).collect();
    let noise = (more.squares * likeness(&residuals)).max(1e-12 * level * level * n);
    let f = (fit.squares - more.squares) / cost / (noise / freedom);
    FisherSnedecor::new(cost, freedom).is_ok_and(|distribution| distribution.sf(f) < LEVEL)
}

/// Each knot moved to its best place, given the others.
fn settled(points: &[(f64, f64)], candidates: &[f64], mut fit: Hinges) -> Hinges {
    for index in 0..fit.knots.len() {
        let others = fit.knots.clone();
        for &knot in candidates {
            let mut knots = others.clone();
            knots[index] = knot;
            if let Some(moved) = Hinges::through(points, &knots).filter(|moved| moved.squares < fit.squares) {
                fit = moved;
            }
        }
    }
    fit
}

/// The factor by which neighbours that are alike raise the variance of a slope: (1 + r) / (1 − r) with the residuals'
/// autocorrelation r at lag 1, corrected for the bias of short series; never below 1.
fn likeness(residuals: &[f64]) -> f64 {
    let n = residuals.len() as f64;
    let squares: f64 = residuals.iter().map(|r| r * r).sum();
    if squares == 0.0 {
        return 1.0;
    }
    let together: f64 = residuals.windows(2).map(|pair| pair[0] * pair[1]).sum();
    let r = (together / squares + 1.0 / n).clamp(0.0, 0.8);
    (1.0 + r) / (1.0 - r)
}

/// At most [`MANY`] points, each the mean of as many neighbours.
fn grouped(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let size = points.len().div_ceil(MANY);
    let mean = |group: &[(f64, f64)]| {
        let n = group.len() as f64;
        let (x, y) = group.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
        (x / n, y / n)
    };
    // From the end, so that the newest group is whole.
    let mut groups: Vec<(f64, f64)> = points.rchunks(size).map(mean).collect();
    groups.reverse();
    groups
}

#[cfg(test)]
#[path = "course_tests.rs"]
mod tests;
