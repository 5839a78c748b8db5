//! Where does a series begin to rise? A change point with its interval.
//!
//! The model is a ramp: level, then a straight rise, then level again (which may lie beyond the last point). Both knots
//! are chosen by least squares among the points; the interval of the first holds all places whose best fit is not worse
//! than the best of all by more than an F-test allows (Hudson 1966; Muggeo 2003 for the family of models).

use statrs::distribution::{ContinuousCDF, FisherSnedecor};

use super::trend::Line;

/// Above so many points not every one is tried as a knot.
const CANDIDATES: usize = 80;

/// The beginning of a rise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Onset {
    /// The x of the last point before the rise.
    pub at: f64,
    /// The 95 % interval of `at`, were the points' noise independent and equal.
    pub interval: [f64; 2],
    /// How far the series rises, in units of y.
    pub rise: f64,
    /// Standard deviation of the points about the ramp.
    pub noise: f64,
    /// p-value of a ramp against no change. Since the knots were chosen on the same points it is too small: read it at a
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
        let end = points[n - 1].0;
        // The best fit for each first knot: (squares, first knot, rise).
        let best_from = |first: f64| {
            let seconds = knots.iter().copied().filter(|second| *second > first).chain([end]);
            let fits = seconds.filter(|second| *second > first).filter_map(|second| {
                let line = Line::of(points.iter().map(|&(x, y)| (x.clamp(first, second), y)))?;
                Some((line.squares, first, line.slope * (second - first)))
            });
            fits.min_by(|a, b| a.0.total_cmp(&b.0))
        };
        let fits: Vec<(f64, f64, f64)> = knots.iter().filter_map(|&first| best_from(first)).collect();
        let &(squares, at, rise) = fits.iter().min_by(|a, b| a.0.total_cmp(&b.0))?;

        let freedom = n as f64 - 4.0;
        let level = points.iter().map(|(_, y)| y).sum::<f64>() / n as f64;
        let flat: f64 = points.iter().map(|(_, y)| (y - level) * (y - level)).sum();
        let f = |above: f64| FisherSnedecor::new(above, freedom).ok();
        // A perfect fit has no noise to measure a change with: any change is one.
        let p = match squares > 1e-12 * flat {
            true => 1.0 - f(3.0)?.cdf((flat - squares) / 3.0 / (squares / freedom)),
            false if flat > 0.0 => 0.0,
            false => 1.0,
        };
        let allowed = squares * (1.0 + f(1.0)?.inverse_cdf(0.95) / freedom) + 1e-12 * flat;
        let likely = || fits.iter().filter(|fit| fit.0 <= allowed).map(|fit| fit.1);
        let interval = [likely().fold(at, f64::min), likely().fold(at, f64::max)];
        Some(Self { at, interval, rise, noise: (squares / freedom).sqrt(), p })
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
