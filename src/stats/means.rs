//! Means, their spread and their errors.

/// A number and its standard error, in the same unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The number.
    pub value: f64,
    /// Its standard error; NaN where there are too few values.
    pub standard_error: f64,
}

/// The arithmetic mean; NaN of no values.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The sample standard deviation (divisor n − 1); NaN of fewer than two values.
pub fn sample_sd(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return f64::NAN;
    }
    let centre = mean(values);
    let squares: f64 = values.iter().map(|value| (value - centre).powi(2)).sum();
    (squares / (values.len() - 1) as f64).sqrt()
}

/// The standard error of the mean, sd / √n; NaN of fewer than two values.
pub fn standard_error(values: &[f64]) -> f64 {
    sample_sd(values) / (values.len() as f64).sqrt()
}

/// The share of true values in percent, 0–100; NaN of no values.
pub fn percent(hits: &[bool]) -> f64 {
    100.0 * hits.iter().filter(|&&hit| hit).count() as f64 / hits.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::{
        golden::{assert_close, golden},
        hypotenuse,
    };

    #[test]
    fn means_and_errors_agree_with_scipy() {
        let golden = golden();
        let (a, b) = (golden.numbers("a"), golden.numbers("b"));
        assert_close(mean(&a), golden.number("mean_a"), 1e-13);
        assert_close(sample_sd(&a), golden.number("sd_a"), 1e-13);
        assert_close(standard_error(&a), golden.number("sem_a"), 1e-13);
        assert_close(mean(&a) - mean(&b), golden.number("difference"), 1e-13);
        assert_close(hypotenuse(standard_error(&a), standard_error(&b)), golden.number("difference_se"), 1e-13);
        assert_eq!(percent(&[true, false, true, true]), 75.0);
    }

    #[test]
    fn too_few_values_give_nan_not_zero() {
        assert!(mean(&[]).is_nan() && percent(&[]).is_nan());
        assert!(sample_sd(&[1.0]).is_nan() && standard_error(&[1.0]).is_nan());
        assert!(mean(&[1.0, f64::NAN]).is_nan());
    }

    #[test]
    fn a_constant_far_from_zero_has_no_spread() {
        assert_eq!(sample_sd(&[1e9; 1000]), 0.0);
    }
}
