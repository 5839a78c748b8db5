//! Student's distribution.

use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

/// Degrees of freedom from which the normal distribution stands for Student's: its 97.5 % quantile is 1.0001 times smaller, and the
/// computation of Student's loses digits.
const MANY: f64 = 10_000.0;

/// The value below which a variable of Student's distribution with `freedom` degrees of freedom lies with probability
/// `share`, in (0, 1); NaN outside, and without a degree of freedom.
pub fn student_quantile(share: f64, freedom: f64) -> f64 {
    if !(share > 0.0 && share < 1.0) {
        return f64::NAN;
    }
    match StudentsT::new(0.0, 1.0, freedom) {
        Ok(_) if freedom >= MANY => Normal::standard().inverse_cdf(share),
        Ok(student) => student.inverse_cdf(share),
        Err(_) => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_degrees_of_freedom_make_wide_quantiles() {
        assert!((student_quantile(0.975, 4.0) - 2.776_445).abs() < 1e-5);
        assert!((student_quantile(0.975, 1000.0) - 1.962_339).abs() < 1e-5);
        assert!((student_quantile(0.975, MANY - 1.0) - 1.960_201).abs() < 1e-5);
        assert!((student_quantile(0.975, 1e6) - 1.959_966).abs() < 1e-5);
        assert!(student_quantile(0.975, 0.0).is_nan() && student_quantile(1.0, 4.0).is_nan());
    }
}
