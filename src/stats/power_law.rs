//! How a loss falls with the number of training images: a power law above a floor.
//!
//! `loss(n) = floor + scale · n^(−exponent)` is the usual form of learning curves (Hestness et al. 2017,
//! arXiv:1712.00409).

/// The exponents that are tried; those of real data lie between.
const EXPONENTS: std::ops::RangeInclusive<u32> = 1..=40;
const STEP: f64 = 0.05;

/// A falling power law above a floor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PowerLaw {
    /// What no number of images goes below, 0 or more.
    pub floor: f64,
    /// 0 or more.
    pub scale: f64,
    /// Above 0.
    pub exponent: f64,
}

impl PowerLaw {
    /// The law of least squares through (images, loss); None below four sizes, or where a number is not finite or a size
    /// not above 0.
    pub fn of(points: &[(f64, f64)]) -> Option<Self> {
        let is_sound = points.iter().all(|(n, loss)| n.is_finite() && *n > 0.0 && loss.is_finite());
        if points.len() < 4 || !is_sound {
            return None;
        }
        // Of sizes near 1, so that the scale is near the losses whatever the exponent.
        let unit = points.iter().map(|(n, _)| *n).fold(0.0, f64::max);
        let laws = EXPONENTS.map(|step| {
            let exponent = STEP * f64::from(step);
            let place = |n: f64| (n / unit).powf(-exponent);
            let count = points.len() as f64;
            let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), &(n, loss)| (x + place(n) / count, y + loss / count));
            let (mut together, mut spread, mut through_zero, mut squares) = (0.0, 0.0, 0.0, 0.0);
            for &(n, loss) in points {
                together += (place(n) - x) * (loss - y);
                spread += (place(n) - x) * (place(n) - x);
                through_zero += place(n) * loss;
                squares += place(n) * place(n);
            }
            let scale = if spread > 0.0 { (together / spread).max(0.0) } else { 0.0 };
            let floor = y - scale * x;
            let (floor, scale) = if floor < 0.0 { (0.0, through_zero / squares) } else { (floor, scale) };
            let miss = points.iter().map(|&(n, loss)| (floor + scale * place(n) - loss).powi(2)).sum::<f64>();
            (miss, Self { floor, scale: scale * unit.powf(exponent), exponent })
        });
        laws.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, law)| law)
    }

    /// The loss at `images`.
    pub fn at(&self, images: f64) -> f64 {
        self.floor + self.scale * images.powf(-self.exponent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_power_law_is_recovered() {
        for (floor, scale, exponent) in [(0.5, 20.0, 0.35), (0.0, 5.0, 0.2), (1.0, 0.0, 0.05)] {
            let law = PowerLaw { floor, scale, exponent };
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
