//! A paired t-test that keeps its error rate however often its result is checked: the t-test's scale-invariant mixture.
//!
//! The differences are normal with unknown mean μ and standard deviation σ. Against μ = μ₀ stands an effect (μ − μ₀)/σ drawn
//! from N(0, τ²), with the right-Haar prior on σ. After n differences with t = (mean − μ₀) √n / sd the ratio of both likelihoods is
//!
//! ```text
//! e = (1 + nτ²)^(−1/2) · [(1 + t² / (ν (1 + nτ²))) / (1 + t² / ν)]^(−n/2),   ν = n − 1
//! ```
//!
//! Where μ = μ₀, e is a martingale that starts at 1, so that it ever reaches 1/α with probability α at most (Ville's inequality),
//! for every rule of stopping: Lai, On confidence sequences, Annals of Statistics 4, 1976; Pérez-Ortiz, Lardy, de Heide and
//! Grünwald, E-statistics, group invariance and anytime-valid testing, Annals of Statistics 52, 2024; Wang and Ramdas,
//! Anytime-valid t-tests and confidence sequences for Gaussian means with unknown variance, Sequential Analysis 44, 2025.

use super::power::{LEAST_PAIRS, fewest};

/// τ: how far effects spread, in standard deviations of the differences. It decides how soon which effects are found, never the
/// error rate. With 1.5 four pairs can suffice, and effects between 0.5 and 3 are found nearly as soon as with any other τ.
const EFFECT_SD: f64 = 1.5;
/// The level of the confidence sequence.
const LEVEL: f64 = 0.05;
/// More pairs than this are out of reach of any comparison.
const MOST_PAIRS: usize = 10_000;

/// The result of the sequential paired t-test after some pairs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SequentialT {
    /// How many results were computed on the way, one after each pair from the third on.
    pub looks: usize,
    /// The e-value after the last pair: how many times likelier the differences are under a mean other than zero. 1 below
    /// three pairs.
    pub e: f64,
    /// Two-sided p-value for a mean of zero that holds at every result: 1 / the largest e-value so far, at most 1.
    pub p: f64,
    /// The 95 % confidence sequence: where the mean lies, with a probability of 95 % that all intervals on the way hold it. It is the
    /// intersection of those intervals. None below three pairs, and where they exclude nothing yet.
    pub interval: Option<[f64; 2]>,
}

impl SequentialT {
    /// The test of `differences`, in the order in which they were measured. None where one is not finite.
    pub fn of(differences: &[f64]) -> Option<Self> {
        let mut test = Self { looks: 0, e: 1.0, p: 1.0, interval: None };
        for sample in samples(differences)? {
            test.looks += 1;
            test.e = sample.e_value(0.0);
            test.p = test.p.min(1.0 / test.e);
            let Some(reach) = reach(sample.pairs) else { continue };
            let half = reach * sample.sd / (sample.pairs as f64).sqrt();
            let [low, high] = test.interval.unwrap_or([f64::NEG_INFINITY, f64::INFINITY]);
            let narrowed = [low.max(sample.mean - half), high.min(sample.mean + half)];
            // Intervals without a common part happen with a probability below 5 %; the one before stays.
            if narrowed[0] <= narrowed[1] {
                test.interval = Some(narrowed);
            }
        }
        Some(test)
    }
}

/// The p-value of a mean of `margin` or more in size, which holds at every result on the way: small where the mean is shown to
/// lie between −`margin` and `margin`. 1 below three pairs. None where a difference is not finite.
///
/// A result counts only while the mean so far lies between the margins, with the likelier of both: all larger means are less
/// likely still.
pub fn sequential_p_of_margin(differences: &[f64], margin: f64) -> Option<f64> {
    let mut p: f64 = 1.0;
    for sample in samples(differences)? {
        if sample.mean.abs() < margin {
            p = p.min((1.0 / sample.e_value(-margin)).max(1.0 / sample.e_value(margin)));
        }
    }
    Some(p)
}

/// The number of pairs, above `pairs`, at which the sequential test excludes what lies `effect` standard deviations from the
/// mean at `level`, if mean and standard deviation stay as they are. None where 10,000 pairs do not suffice.
pub fn sequential_pairs_needed(effect: f64, pairs: usize, level: f64) -> Option<usize> {
    // e is below 1 until it has risen to 1 / level, and rises from there on.
    fewest((pairs + 1).max(LEAST_PAIRS), MOST_PAIRS, |pairs| {
        e_value(pairs, pairs as f64 * effect * effect) >= 1.0 / level
    })
}

/// The first so many differences in short.
struct Sample {
    pairs: usize,
    mean: f64,
    sd: f64,
}

impl Sample {
    /// The e-value against a mean of `centre`.
    fn e_value(&self, centre: f64) -> f64 {
        let distance = self.mean - centre;
        // t² is infinite where all differences are equal and differ from `centre`.
        let t_squared = if distance == 0.0 { 0.0 } else { self.pairs as f64 * (distance / self.sd).powi(2) };
        e_value(self.pairs, t_squared)
    }
}

/// The first three differences, the first four, and so on (Welford 1962). None where one is not finite.
fn samples(differences: &[f64]) -> Option<Vec<Sample>> {
    let mut samples = Vec::new();
    let mut mean = 0.0;
    let mut squares = 0.0;
    for (number, difference) in differences.iter().enumerate() {
        if !difference.is_finite() {
            return None;
        }
        let pairs = number + 1;
        let before = difference - mean;
        mean += before / pairs as f64;
        squares += before * (difference - mean);
        if pairs >= LEAST_PAIRS {
            samples.push(Sample { pairs, mean, sd: (squares / number as f64).sqrt() });
        }
    }
    Some(samples)
}

/// The e-value of `pairs` differences whose t statistic has this square.
fn e_value(pairs: usize, t_squared: f64) -> f64 {
    let n = pairs as f64;
    let growth = 1.0 + n * EFFECT_SD * EFFECT_SD;
    let ratio = if t_squared.is_infinite() {
        -growth.ln()
    } else {
        (t_squared / ((n - 1.0) * growth)).ln_1p() - (t_squared / (n - 1.0)).ln_1p()
    };
    // JSON holds no infinity.
    (-0.5 * growth.ln() - 0.5 * n * ratio).exp().min(f64::MAX)
}

/// |t| from which `pairs` differences exclude a mean at the level of the confidence sequence; None where no t does.
fn reach(pairs: usize) -> Option<f64> {
    let n = pairs as f64;
    let growth = 1.0 + n * EFFECT_SD * EFFECT_SD;
    let share = (LEVEL * LEVEL / growth).powf(1.0 / n);
    (share > 1.0 / growth).then(|| ((n - 1.0) * (1.0 - share) / (share - 1.0 / growth)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        random::{Purpose, Stream},
        stats::{golden::assert_close, mean, sample_sd},
    };

    const DIFFERENCES: [f64; 6] = [-0.031, -0.012, -0.044, -0.020, -0.027, -0.039];

    /// The ratio of likelihoods by integration over the effect: noncentral t against central t, by scipy 1.17.1:
    /// `quad(lambda d: nct.pdf(t, n - 1, d * n**0.5) * norm.pdf(d, 0, 1.5), -12, 12)[0] / t_dist.pdf(t, n - 1)`.
    const E_VALUES: [(usize, f64, f64); 6] = [
        (3, 0.5, 0.41846066654593006),
        (3, 8.0, 5.862284792408009),
        (4, -6.0, 11.041837284472239),
        (6, 3.2, 5.002975278917076),
        (10, 0.0, 0.20628424925175876),
        (25, 4.1, 86.50491206941969),
    ];

    #[test]
    fn e_is_the_ratio_of_likelihoods_over_all_effects() {
        for (pairs, t, e) in E_VALUES {
            assert_close(e_value(pairs, t * t), e, 1e-6);
        }
    }

    /// The p-value of a mean of `centre`.
    fn p_of(differences: &[f64], centre: f64) -> f64 {
        let away: Vec<f64> = differences.iter().map(|difference| difference - centre).collect();
        SequentialT::of(&away).unwrap().p
    }

    #[test]
    fn the_interval_holds_the_means_that_are_not_rejected() {
        let mut low = f64::NEG_INFINITY;
        let mut high = f64::INFINITY;
        for pairs in LEAST_PAIRS..=DIFFERENCES.len() {
            let so_far = &DIFFERENCES[..pairs];
            let Some(reach) = reach(pairs) else { continue };
            let half = reach * sample_sd(so_far) / (pairs as f64).sqrt();
            for end in [mean(so_far) - half, mean(so_far) + half] {
                let t = (mean(so_far) - end) / sample_sd(so_far) * (pairs as f64).sqrt();
                assert_close(e_value(pairs, t * t), 20.0, 1e-9);
            }
            low = low.max(mean(so_far) - half);
            high = high.min(mean(so_far) + half);
        }
        let test = SequentialT::of(&DIFFERENCES).unwrap();
        let interval = test.interval.unwrap();
        assert_close(interval[0], low, 1e-12);
        assert_close(interval[1], high, 1e-12);
        assert_eq!(test.looks, 4);
        assert!(high < 0.0 && test.p < 0.05 && p_of(&DIFFERENCES, high / 2.0) < 0.05, "{test:?}");
        assert!(p_of(&DIFFERENCES, mean(&DIFFERENCES)) > 0.05);
    }

    #[test]
    fn p_never_rises_and_no_unit_matters() {
        let mut before = 1.0;
        for pairs in 0..=DIFFERENCES.len() {
            let test = SequentialT::of(&DIFFERENCES[..pairs]).unwrap();
            assert!(test.p <= before);
            before = test.p;
            assert!(pairs >= LEAST_PAIRS || test == SequentialT { looks: 0, e: 1.0, p: 1.0, interval: None });
        }
        let scaled = DIFFERENCES.map(|difference| 100.0 * difference);
        assert_close(SequentialT::of(&scaled).unwrap().p, before, 1e-9);
    }

    #[test]
    fn the_margin_is_excluded_once_the_sequence_lies_within_it() {
        let differences = [0.002, -0.004, 0.001, -0.001, 0.003, -0.002, 0.0, 0.001, -0.003, 0.002];
        let [low, high] = SequentialT::of(&differences).unwrap().interval.unwrap();
        let widest = high.max(-low);
        assert!(sequential_p_of_margin(&differences, 1.001 * widest).unwrap() < 0.05);
        assert!(sequential_p_of_margin(&differences, 0.5 * widest).unwrap() > 0.05);
        assert_eq!(sequential_p_of_margin(&DIFFERENCES, 0.01), Some(1.0));
        assert_eq!(sequential_p_of_margin(&differences[..2], 1.0), Some(1.0));
    }

    #[test]
    fn differences_without_spread_and_numbers_that_are_none() {
        assert_eq!(SequentialT::of(&[0.0; 5]).unwrap().p, 1.0);
        let equal = SequentialT::of(&[0.5; 5]).unwrap();
        assert!(equal.p < 0.05 && equal.interval == Some([0.5; 2]), "{equal:?}");
        assert!(sequential_p_of_margin(&[0.0; 5], 0.1).unwrap() < 0.05);
        assert_eq!(SequentialT::of(&[0.1, 0.2, f64::NAN]), None);
        assert_eq!(sequential_p_of_margin(&[0.1, 0.2, f64::INFINITY], 0.1), None);
    }

    #[test]
    fn the_pairs_needed_are_those_at_which_the_test_decides() {
        for effect in [0.4, 1.0, 2.5] {
            let needed = sequential_pairs_needed(effect, 0, 0.05).unwrap();
            let e = |pairs: usize| e_value(pairs, pairs as f64 * effect * effect);
            assert!(e(needed) >= 20.0 && (needed == LEAST_PAIRS || e(needed - 1) < 20.0));
        }
        assert_eq!(sequential_pairs_needed(5.0, 12, 0.05), Some(13));
        assert_eq!(sequential_pairs_needed(0.0, 3, 0.05), None);
    }

    #[test]
    fn the_sequence_holds_the_truth_at_all_results_together() {
        let mut missed = 0;
        for number in 0..2000 {
            let mut draws = Stream::new(number, Purpose::Resample, 4, 0);
            let differences: Vec<f64> = (0..60).map(|_| 0.7 + draws.normal()).collect();
            missed += usize::from(p_of(&differences, 0.7) <= 0.05);
        }
        println!("the truth was excluded in {missed} of 2000 comparisons with 60 pairs");
        assert!(missed <= 100, "{missed} of 2000");
    }
}
