//! A power law for the fall of a loss with the number of training images.
//!
//! `loss(n) = limit + scale · n^(−exponent)` is the usual form of learning curves (Hestness et al. 2017,
//! arXiv:1712.00409).

/// The exponents that are tried, in units of [`STEP`]; those of real data lie between.
const EXPONENTS: std::ops::RangeInclusive<u32> = 1..=40;
const STEP: f64 = 0.05;

/// A falling power law with a limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PowerLaw {
    /// The loss with infinitely many images, 0 or more.
    pub limit: f64,
    /// Factor of the power, 0 or more.
    pub scale: f64,
    /// Exponent of the fall, above 0.
    pub exponent: f64,
}

impl PowerLaw {
    /// The law of least squares through (images, loss); None below four sizes, or where a number is not finite or a size
    /// not above 0.
    pub fn of(points: &[(f64, f64)]) -> Option<Self> {
        let are_valid = points.iter().all(|(n, loss)| n.is_finite() && *n > 0.0 && loss.is_finite());
        if points.len() < 4 || !are_valid {
            return None;
        }
        let mut best: Option<(f64, Self)> = None;
        for step in EXPONENTS {
            let (squares, law) = Self::with_exponent(STEP * f64::from(step), points);
            if best.is_none_or(|(least, _)| squares.total_cmp(&least).is_lt()) {
                best = Some((squares, law));
            }
        }
        best.map(|(_, law)| law)
    }

    /// The law of this exponent that fits best, and its sum of squared residuals.
    fn with_exponent(exponent: f64, points: &[(f64, f64)]) -> (f64, Self) {
        // Sizes are divided by the largest, so that the scale is of the size of the losses whatever the exponent.
        let unit = points.iter().map(|(n, _)| *n).fold(0.0, f64::max);
        let power = |n: f64| (n / unit).powf(-exponent);
        let count = points.len() as f64;
        let mut x = 0.0;
        let mut y = 0.0;
        for &(n, loss) in points {
            x += power(n) / count;
            y += loss / count;
        }
        let mut covariance = 0.0;
        let mut variance = 0.0;
        let mut through_zero = 0.0;
        let mut squares = 0.0;
        for &(n, loss) in points {
            covariance += (power(n) - x) * (loss - y);
            variance += (power(n) - x) * (power(n) - x);
            through_zero += power(n) * loss;
            squares += power(n) * power(n);
        }
        // The loss neither rises with the number of images nor falls below 0.
        let mut scale = if variance > 0.0 { (covariance / variance).max(0.0) } else { 0.0 };
        let mut limit = y - scale * x;
        if limit < 0.0 {
            limit = 0.0;
            scale = through_zero / squares;
        }
        let residuals = points.iter().map(|&(n, loss)| (limit + scale * power(n) - loss).powi(2)).sum();
        (residuals, Self { limit, scale: scale * unit.powf(exponent), exponent })
    }

    /// The loss at `images`.
    pub fn at(&self, images: f64) -> f64 {
        self.limit + self.scale * images.powf(-self.exponent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_power_law_is_recovered() {
        for (limit, scale, exponent) in [(0.5, 20.0, 0.35), (0.0, 5.0, 0.2), (1.0, 0.0, 0.05)] {
            let law = PowerLaw { limit, scale, exponent };
            let points: Vec<(f64, f64)> =
                [100.0, 180.0, 320.0, 560.0, 1000.0].into_iter().map(|n| (n, law.at(n))).collect();
            let found = PowerLaw::of(&points).unwrap();
            assert!((found.at(2000.0) - law.at(2000.0)).abs() < 1e-9, "{found:?}");
        }
    }

    #[test]
    fn a_rising_curve_promises_no_gain() {
        let law = PowerLaw::of(&[(10.0, 1.0), (20.0, 1.1), (40.0, 1.2), (80.0, 1.3)]).unwrap();
        assert_eq!(law.at(160.0), law.at(80.0));
    }

    #[test]
    fn too_little_says_nothing() {
        assert_eq!(PowerLaw::of(&[(1.0, 1.0), (2.0, 0.9), (3.0, 0.8)]), None);
        assert_eq!(PowerLaw::of(&[(0.0, 1.0), (2.0, 0.9), (3.0, 0.8), (4.0, 0.7)]), None);
    }
}
