//! A straight line through a series: does it rise or fall?

use super::student_quantile;

/// The straight line of least squares through a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trend {
    /// Slope, in units of y per unit of x.
    pub slope: f64,
    /// 95 % interval of the slope, assuming independent noise of equal size.
    pub interval: [f64; 2],
    /// Standard deviation of the points about the line (divisor n − 2).
    pub noise: f64,
}

impl Trend {
    /// The line through the points (x, y); None below three points, with equal x, or where a number is not finite.
    pub fn of(points: &[(f64, f64)]) -> Option<Self> {
        if points.len() < 3 || points.iter().any(|(x, y)| !(x.is_finite() && y.is_finite())) {
            return None;
        }
        let n = points.len() as f64;
        let line = Line::of(points.iter().copied())?;
        let noise = (line.squares / (n - 2.0)).sqrt();
        let reach = student_quantile(0.975, n - 2.0) * noise / line.spread.sqrt();
        Some(Self { slope: line.slope, interval: [line.slope - reach, line.slope + reach], noise })
    }

    /// Whether the interval of the slope lies below 0.
    pub fn falls(&self) -> bool {
        self.interval[1] < 0.0
    }
}

/// A line of least squares.
pub(super) struct Line {
    pub slope: f64,
    /// Sum of the squared residuals.
    pub squares: f64,
    /// Sum of the squared distances of x from its mean.
    pub spread: f64,
}

impl Line {
    /// The line through the points; None where all x are equal.
    pub fn of(points: impl Iterator<Item = (f64, f64)> + Clone) -> Option<Self> {
        let (n, x, y) = points.clone().fold((0.0, 0.0, 0.0), |(n, sx, sy), (x, y)| (n + 1.0, sx + x, sy + y));
        let (x, y) = (x / n, y / n);
        let mut spread = 0.0;
        let mut together = 0.0;
        let mut height = 0.0;
        for (a, b) in points {
            spread += (a - x) * (a - x);
            together += (a - x) * (b - y);
            height += (b - y) * (b - y);
        }
        let slope = together / spread;
        (spread > 0.0).then(|| Self { slope, squares: (height - slope * together).max(0.0), spread })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::golden::assert_close;

    #[test]
    fn the_line_is_that_of_scipys_linregress() {
        // scipy.stats.linregress([1, 2, 3, 4, 5], [1.0, 2.1, 2.9, 4.2, 4.8]); t(0.975, 3) = 3.182446
        let points = [(1.0, 1.0), (2.0, 2.1), (3.0, 2.9), (4.0, 4.2), (5.0, 4.8)];
        let trend = Trend::of(&points).unwrap();
        assert_close(trend.slope, 0.97, 1e-12);
        let error = 0.055075705472861246;
        assert_close(trend.interval[0], 0.97 - 3.182446305284263 * error, 1e-6);
        assert_close(trend.noise, error * 10f64.sqrt(), 1e-9);
        assert!(trend.interval[0] > 0.0 && !trend.falls());
    }

    #[test]
    fn too_little_says_nothing() {
        assert_eq!(Trend::of(&[(1.0, 1.0), (2.0, 2.0)]), None);
        assert_eq!(Trend::of(&[(1.0, 1.0), (1.0, 2.0), (1.0, 3.0)]), None);
        assert_eq!(Trend::of(&[(1.0, 1.0), (2.0, f64::NAN), (3.0, 3.0)]), None);
    }
}
