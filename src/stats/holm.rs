//! Correction for several tests: Holm's step-down method (Holm 1979).

/// p-values corrected so that the chance of even one false positive stays below the significance level; in the order of
/// `p`.
///
/// The smallest p-value is multiplied by their number, the next by one fewer, and so on. Corrected values keep the order of
/// the original ones and do not exceed 1. NaN stays NaN and is not counted.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).filter(|&index| !p[index].is_nan()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    let mut corrected = vec![f64::NAN; p.len()];
    let mut largest: f64 = 0.0;
    for (rank, &index) in order.iter().enumerate() {
        largest = largest.max(p[index] * (order.len() - rank) as f64).min(1.0);
        corrected[index] = largest;
    }
    corrected
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::golden::{assert_all_close, golden};

    #[test]
    fn corrected_values_are_those_of_statsmodels() {
        let golden = golden();
        assert_all_close(&holm(&golden.numbers("holm_p")), &golden.numbers("holm_corrected"), 1e-14);
    }

    #[test]
    fn no_value_and_nan() {
        assert_eq!(holm(&[]), Vec::<f64>::new());
        let with_nan = holm(&[f64::NAN, 0.02]);
        assert!(with_nan[0].is_nan() && with_nan[1] == 0.02);
    }
}
