//! Student's distribution.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// The value below which a variable of Student's distribution with `freedom` degrees of freedom lies with probability
/// `share`, in (0, 1); NaN outside, and without a degree of freedom.
pub fn student_quantile(share: f64, freedom: f64) -> f64 {
    match StudentsT::new(0.0, 1.0, freedom) {
        Ok(student) if share > 0.0 && share < 1.0 => student.inverse_cdf(share),
        _ => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_degrees_of_freedom_make_wide_quantiles() {
        assert!((student_quantile(0.975, 4.0) - 2.776_445).abs() < 1e-5);
        assert!((student_quantile(0.975, 1e6) - 1.959_966).abs() < 1e-5);
        assert!(student_quantile(0.975, 0.0).is_nan() && student_quantile(1.0, 4.0).is_nan());
    }
}
