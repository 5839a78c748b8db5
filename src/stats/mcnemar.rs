//! McNemar's test (McNemar 1947): is one of two models right more often, on the same images?

use statrs::function::gamma::ln_gamma;

/// The images on which exactly one of two models is right, and what they say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct McNemar {
    /// Images on which the first model alone is right.
    pub first_only: usize,
    /// Images on which the second model alone is right.
    pub second_only: usize,
    /// Two-sided p-value for models that are right equally often. It is exact, by the binomial distribution, for any number
    /// of images; 1 where no image distinguishes the models.
    pub p: f64,
}

impl McNemar {
    /// Tests two models by whether each is right on each image, the same images in the same order.
    ///
    /// # Panics
    /// When the lengths differ. The caller must exclude that.
    pub fn test(first: &[bool], second: &[bool]) -> Self {
        assert_eq!(first.len(), second.len(), "both models are judged on the same images");
        let first_only = first.iter().zip(second).filter(|&(&a, &b)| a && !b).count();
        let second_only = first.iter().zip(second).filter(|&(&a, &b)| b && !a).count();
        Self { first_only, second_only, p: two_sided(first_only, second_only) }
    }
}

/// Twice the chance that at most the smaller of the two counts falls on one side when each image falls on either side
/// with equal chance.
fn two_sided(a: usize, b: usize) -> f64 {
    let n = (a + b) as f64;
    let fewer = a.min(b) as f64;
    // The largest term of the sum, by logarithms, since 2ⁿ overflows; each further one is the one before times k / (n − k + 1).
    let log_choose = ln_gamma(n + 1.0) - ln_gamma(fewer + 1.0) - ln_gamma(n - fewer + 1.0);
    let mut term = (log_choose - n * std::f64::consts::LN_2).exp();
    let mut sum = term;
    let mut k = fewer;
    while k > 0.0 && term > 1e-18 * sum {
        term *= k / (n - k + 1.0);
        sum += term;
        k -= 1.0;
    }
    (2.0 * sum).min(1.0)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn p_is_that_of_statsmodels_and_scipy() {
        let golden: Value = serde_json::from_str(include_str!("../../tests/golden/mcnemar.json")).unwrap();
        assert_eq!(McNemar::test(&[], &[]).p, 1.0);
        let cases = golden.as_array().unwrap();
        assert!(cases.len() > 20);
        for case in cases {
            let [a, b] = ["first_only", "second_only"].map(|name| case[name].as_u64().unwrap() as usize);
            let mut first = vec![true; a];
            let mut second = vec![false; a];
            first.extend(vec![false; b]);
            second.extend(vec![true; b]);
            // Images on which both are right or wrong say nothing.
            first.extend([true, false, true]);
            second.extend([true, false, true]);
            let test = McNemar::test(&first, &second);
            assert_eq!((test.first_only, test.second_only), (a, b));
            for name in ["statsmodels", "scipy"] {
                let expected = case[name].as_f64().unwrap();
                assert!((test.p - expected).abs() <= 1e-9 * expected.max(1e-300), "{case}: {}", test.p);
            }
        }
    }
}
