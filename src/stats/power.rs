//! How many pairs a paired t-test needs to find a difference of a given size.

use statrs::{
    distribution::{ChiSquared, ContinuousCDF, Normal, StudentsT},
    function::gamma::ln_gamma,
};

/// The fewest pairs of a test: two agree by chance too easily, as for [`crate::stats::paired_t`].
pub const LEAST_PAIRS: usize = 3;
/// More pairs than this are out of reach of any comparison.
const MOST_PAIRS: usize = 100_000;
/// Steps of Simpson's rule; the power is then exact to eight digits (tested against statsmodels).
const STEPS: usize = 400;

/// The power of a two-sided paired t-test at significance level `level` with `pairs` pairs, from 2: the probability, 0–1, that
/// it finds a true mean difference of `effect` standard deviations of the differences. NaN where an argument is out of range.
///
/// The test statistic has a noncentral t distribution, (Z + δ) / U with δ = `effect` √n, Z standard normal and U² a χ² of
/// n − 1 degrees of freedom divided by them; the integral over U is computed numerically.
fn paired_t_power(effect: f64, pairs: usize, level: f64) -> f64 {
    let freedom = pairs as f64 - 1.0;
    let (Ok(student), Ok(normal)) = (StudentsT::new(0.0, 1.0, freedom), Normal::new(0.0, 1.0)) else { return f64::NAN };
    if !(level > 0.0 && level < 1.0) {
        return f64::NAN;
    }
    let critical = student.inverse_cdf(1.0 - level / 2.0);
    let shift = effect.abs() * (pairs as f64).sqrt();
    let constant = std::f64::consts::LN_2 + freedom / 2.0 * (freedom / 2.0).ln() - ln_gamma(freedom / 2.0);
    // U lies around 1 with a standard deviation of about 1/√(2 (n − 1)).
    let reach = 12.0 / (2.0 * freedom).sqrt();
    let start = (1.0 - reach).max(0.0);
    let step = (1.0 + reach - start) / STEPS as f64;
    let mut power = 0.0;
    for number in 0..=STEPS {
        let u = start + step * number as f64;
        let weight = match number {
            0 | STEPS => 1.0,
            _ if number % 2 == 1 => 4.0,
            _ => 2.0,
        };
        let density = if u == 0.0 { 0.0 } else { (constant + (freedom - 1.0) * u.ln() - freedom * u * u / 2.0).exp() };
        let found = normal.cdf(shift - critical * u) + normal.cdf(-shift - critical * u);
        power += weight * density * found;
    }
    (power * step / 3.0).clamp(0.0, 1.0)
}

/// The fewest pairs, from [`LEAST_PAIRS`] on, with which a two-sided paired t-test at `level` finds a true mean difference of
/// `effect` standard deviations of the differences with probability `power`. None for an effect of 0 or NaN, and where 100,000
/// pairs do not suffice.
pub fn pairs_needed(effect: f64, level: f64, power: f64) -> Option<usize> {
    fewest(LEAST_PAIRS, MOST_PAIRS, |pairs| paired_t_power(effect, pairs, level) >= power)
}

/// The fewest pairs, from `least` on, that suffice, where all larger numbers suffice too. The search ends above `most`.
pub(super) fn fewest(least: usize, most: usize, suffices: impl Fn(usize) -> bool) -> Option<usize> {
    let mut low = least;
    let mut high = least;
    while !suffices(high) {
        low = high + 1;
        high *= 2;
        if high > most {
            return None;
        }
    }
    while low < high {
        let middle = (low + high) / 2;
        if suffices(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Some(high)
}

/// The 95 % interval of a standard deviation, of which `sd` is the estimate from `values` normal values, from 2 (χ²). NaN with
/// fewer.
pub fn sd_interval(sd: f64, values: usize) -> [f64; 2] {
    let freedom = values as f64 - 1.0;
    let Ok(squares) = ChiSquared::new(freedom) else { return [f64::NAN; 2] };
    [0.975, 0.025].map(|share| sd * (freedom / squares.inverse_cdf(share)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::golden::assert_close;

    /// `statsmodels.stats.power.TTestPower().power(effect, n, level)` of statsmodels 0.15.0 (scipy 1.17.1).
    const POWERS: [(f64, usize, f64, f64); 8] = [
        (0.5, 34, 0.05, 0.8077775012792737),
        (1.0, 10, 0.05, 0.8030968566327218),
        (2.0, 5, 0.05, 0.9088848681009402),
        (3.0, 3, 0.05, 0.7452680070062834),
        (0.2, 199, 0.05, 0.8016910240370655),
        (1.0, 14, 0.016666666666666666, 0.8225808265788823),
        (0.8, 3, 0.025, 0.0701368070255529),
        (0.05, 3000, 0.01, 0.5640591890374794),
    ];

    /// The smallest n of at least 3 with `TTestPower().power(effect, n, level) >= 0.8`, of statsmodels 0.15.0.
    const PAIRS: [(f64, f64, usize); 9] = [
        (0.2, 0.05, 199),
        (0.5, 0.05, 34),
        (0.8, 0.05, 15),
        (1.0, 0.05, 10),
        (1.5, 0.05, 6),
        (2.0, 0.05, 5),
        (5.0, 0.05, 3),
        (1.0, 0.016666666666666666, 14),
        (0.5, 0.025, 41),
    ];

    #[test]
    fn the_power_is_that_of_statsmodels() {
        for (effect, pairs, level, power) in POWERS {
            assert_close(paired_t_power(effect, pairs, level), power, 1e-8);
            assert_close(paired_t_power(-effect, pairs, level), power, 1e-8);
        }
        assert!(paired_t_power(1.0, 1, 0.05).is_nan() && paired_t_power(1.0, 5, 0.0).is_nan());
        // Without an effect the test finds one as often as its level says.
        assert_close(paired_t_power(0.0, 7, 0.05), 0.05, 1e-8);
    }

    #[test]
    fn the_number_of_pairs_is_that_of_statsmodels() {
        for (effect, level, pairs) in PAIRS {
            assert_eq!(pairs_needed(effect, level, 0.8), Some(pairs), "effect {effect}, level {level}");
        }
        assert_eq!(pairs_needed(0.0, 0.05, 0.8), None);
        assert_eq!(pairs_needed(f64::NAN, 0.05, 0.8), None);
    }

    #[test]
    fn the_interval_of_a_standard_deviation_is_scipys() {
        // [sd * sqrt((n - 1) / chi2.ppf(share, n - 1)) for share in (0.975, 0.025)] with scipy 1.17.1.
        for (values, [low, high]) in [
            (3, [0.5206582666988174, 6.2847346964853825]),
            (5, [0.5991331391341409, 2.873555634078219]),
            (10, [0.6878352067489997, 1.8256101825195739]),
            (30, [0.7964069327626354, 1.3443151792404469]),
        ] {
            let interval = sd_interval(1.0, values);
            assert_close(interval[0], low, 1e-7);
            assert_close(interval[1], high, 1e-7);
        }
        assert!(sd_interval(1.0, 1)[0].is_nan());
    }

    #[test]
    fn the_test_finds_the_difference_as_often_as_computed() {
        use crate::{
            random::{Purpose, Stream},
            stats::paired_t,
        };
        for (effect, pairs) in [(0.5, 34), (1.0, 10), (2.0, 5)] {
            let mut found = 0;
            for number in 0..2000 {
                let mut draws = Stream::new(number, Purpose::Resample, 3, pairs);
                let differences: Vec<f64> = (0..pairs).map(|_| effect + draws.normal()).collect();
                found += usize::from(paired_t(&differences).unwrap().p < 0.05);
            }
            let power = paired_t_power(effect, pairs as usize, 0.05);
            println!("{effect} sd, {pairs} pairs: found in {found} of 2000, computed {power:.3}");
            // Four standard deviations of 2,000 trials are 0.036.
            assert!((found as f64 / 2000.0 - power).abs() < 0.036, "{found} of 2000, computed {power}");
        }
    }
}
