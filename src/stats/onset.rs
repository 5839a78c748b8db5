//! The change point where a series begins to rise, with its interval.
//!
//! The model is a ramp: a level, then a straight rise, then a level again, which may lie beyond the last point. Both knots
//! are chosen by least squares among the points. The interval of the first knot holds all positions whose best fit is not
//! significantly worse than the best of all by an F-test (Hudson 1966; Muggeo 2003 for the family of models).

use statrs::distribution::{ContinuousCDF, FisherSnedecor};

use super::trend::Line;

/// Most points that are tried as a knot.
const CANDIDATES: usize = 80;

/// The beginning of a rise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Onset {
    /// The x of the last point before the rise.
    pub at: f64,
    /// 95 % interval of `at`, assuming independent noise of equal size.
    pub interval: [f64; 2],
    /// How far the series rises, in units of y.
    pub rise: f64,
    /// Standard deviation of the points about the ramp.
    pub noise: f64,
    /// p-value of a ramp against no change. It is too small, since the knots were chosen on the same points: compare it with a
    /// strict level.
    pub p: f64,
}

impl Onset {
    /// The ramp of least squares through the points (x, y), x rising; None below six points, or where a number is not
    /// finite. A falling ramp has a `rise` below 0.
    pub fn of(points: &[(f64, f64)]) -> Option<Self> {
        let n = points.len();
        if n < 6 || points.iter().any(|(x, y)| !(x.is_finite() && y.is_finite())) {
            return None;
        }
        let knots: Vec<f64> = points.iter().step_by(n.div_ceil(CANDIDATES)).map(|(x, _)| *x).collect();
        let ramps: Vec<Ramp> = knots.iter().filter_map(|&first| Ramp::from(first, &knots, points)).collect();
        let best = ramps.iter().min_by(|a, b| a.squares.total_cmp(&b.squares))?;
        let squares = best.squares;

        let freedom = n as f64 - 4.0;
        let level = points.iter().map(|(_, y)| y).sum::<f64>() / n as f64;
        let flat: f64 = points.iter().map(|(_, y)| (y - level) * (y - level)).sum();
        // A perfect fit has no noise, so that any change is significant.
        let p = if squares > 1e-12 * flat {
            let f = FisherSnedecor::new(3.0, freedom).ok()?;
            1.0 - f.cdf((flat - squares) / 3.0 / (squares / freedom))
        } else if flat > 0.0 {
            0.0
        } else {
            1.0
        };
        let f = FisherSnedecor::new(1.0, freedom).ok()?;
        let allowed = squares * (1.0 + f.inverse_cdf(0.95) / freedom) + 1e-12 * flat;
        let mut interval = [best.first; 2];
        for ramp in ramps.iter().filter(|ramp| ramp.squares <= allowed) {
            interval = [interval[0].min(ramp.first), interval[1].max(ramp.first)];
        }
        Some(Self { at: best.first, interval, rise: best.rise, noise: (squares / freedom).sqrt(), p })
    }
}

/// A level, a straight rise from `first` on, and a level again.
struct Ramp {
    /// Sum of the squared residuals.
    squares: f64,
    /// The x where the rise begins.
    first: f64,
    rise: f64,
}

impl Ramp {
    /// The ramp of least squares that begins at `first` and ends at one of `knots` or at the last point.
    fn from(first: f64, knots: &[f64], points: &[(f64, f64)]) -> Option<Self> {
        let end = points[points.len() - 1].0;
        let mut best: Option<Self> = None;
        for second in knots.iter().copied().chain([end]).filter(|second| *second > first) {
            let Some(line) = Line::of(points.iter().map(|&(x, y)| (x.clamp(first, second), y))) else { continue };
            if best.as_ref().is_none_or(|best| line.squares.total_cmp(&best.squares).is_lt()) {
                best = Some(Self { squares: line.squares, first, rise: line.slope * (second - first) });
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};

    fn ramp(first: f64, second: f64, noise: f64, seed: u64) -> Vec<(f64, f64)> {
        let mut stream = Stream::new(seed, Purpose::Init, 0, 0);
        let point = |x: u32| {
            let x = f64::from(x);
            (x, 0.1 + 0.03 * (x.clamp(first, second) - first))
        };
        (1..=40).map(point).map(|(x, y)| (x, y + noise * stream.normal())).collect()
    }

    #[test]
    fn a_clean_ramp_is_found_exactly() {
        let onset = Onset::of(&ramp(12.0, 30.0, 0.0, 0)).unwrap();
        assert_eq!((onset.at, onset.interval), (12.0, [12.0, 12.0]));
        assert!((onset.rise - 0.54).abs() < 1e-9 && onset.p < 1e-9);
    }

    #[test]
    fn the_interval_holds_the_true_onset_about_as_often_as_promised() {
        let held = (0..400).filter(|&seed| {
            let [low, high] = Onset::of(&ramp(12.0, 99.0, 0.05, seed)).unwrap().interval;
            (low..=high).contains(&12.0)
        });
        // 95 % of 400 is 380; three standard deviations below are 367.
        assert!(held.count() >= 367);
    }

    #[test]
    fn noise_alone_seldom_has_an_onset() {
        let found = (0..400).filter(|&seed| Onset::of(&ramp(99.0, 100.0, 0.05, seed)).unwrap().p < 0.001);
        assert!(found.count() <= 8);
    }

    #[test]
    fn too_little_says_nothing() {
        assert_eq!(Onset::of(&ramp(3.0, 9.0, 0.0, 0)[..5]), None);
        assert_eq!(Onset::of(&[(1.0, f64::NAN); 10]), None);
        let flat: Vec<(f64, f64)> = (0..10).map(|x| (f64::from(x), 1.0)).collect();
        assert_eq!(Onset::of(&flat).map(|onset| onset.p), Some(1.0));
    }
}
