//! The paired t-test: does the mean of paired differences differ from zero?

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::{mean, standard_error};

/// The result of a paired t-test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairedT {
    /// Mean of the differences.
    pub mean: f64,
    /// 95 % interval of the mean.
    pub interval: [f64; 2],
    /// Two-sided p-value for a mean of zero.
    pub p: f64,
}

/// The paired t-test of `differences`, one for each pair. None where a difference is not finite, and below three pairs,
/// since two agree by chance too easily.
///
/// Differences that are all equal have an interval of width 0; p is then 0, or 1 where all are zero.
pub fn paired_t(differences: &[f64]) -> Option<PairedT> {
    if differences.len() < 3 || differences.iter().any(|difference| !difference.is_finite()) {
        return None;
    }
    let student = StudentsT::new(0.0, 1.0, differences.len() as f64 - 1.0).ok()?;
    let mean = mean(differences);
    let error = standard_error(differences);
    if error == 0.0 {
        return Some(PairedT { mean, interval: [mean; 2], p: if mean == 0.0 { 1.0 } else { 0.0 } });
    }
    let reach = student.inverse_cdf(0.975) * error;
    Some(PairedT { mean, interval: [mean - reach, mean + reach], p: 2.0 * student.cdf(-(mean / error).abs()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::golden::{assert_close, golden};

    #[test]
    fn mean_interval_and_p_are_scipys() {
        let golden = golden();
        for n in [3, 4, 10] {
            let t = paired_t(&golden.numbers(&format!("paired_{n}"))).unwrap();
            assert_close(t.mean, golden.number(&format!("paired_{n}_mean")), 1e-12);
            assert_close(t.interval[0], golden.number(&format!("paired_{n}_low")), 1e-8);
            assert_close(t.interval[1], golden.number(&format!("paired_{n}_high")), 1e-8);
            assert_close(t.p, golden.number(&format!("paired_{n}_p")), 1e-8);
        }
    }

    #[test]
    fn two_pairs_and_nan_say_nothing() {
        assert_eq!(paired_t(&[]), None);
        assert_eq!(paired_t(&[-0.1, -0.2]), None);
        assert_eq!(paired_t(&[-0.1, -0.2, f64::NAN]), None);
    }

    #[test]
    fn differences_without_spread() {
        assert_eq!(paired_t(&[0.0; 3]).map(|t| t.p), Some(1.0));
        assert_eq!(paired_t(&[0.5; 3]), Some(PairedT { mean: 0.5, interval: [0.5; 2], p: 0.0 }));
    }
}
