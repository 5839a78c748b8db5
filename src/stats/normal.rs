//! The normal distribution.

use statrs::distribution::{ContinuousCDF, Normal};

/// The value below which a standard normal variable lies with probability `share`, in (0, 1); NaN outside.
pub fn normal_quantile(share: f64) -> f64 {
    if !(0.0..=1.0).contains(&share) {
        return f64::NAN;
    }
    Normal::standard().inverse_cdf(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_quantiles() {
        assert!((normal_quantile(0.975) - 1.959_964).abs() < 1e-5);
        assert!((normal_quantile(0.05) + 1.644_854).abs() < 1e-5);
        assert!(normal_quantile(1.5).is_nan());
    }
}
