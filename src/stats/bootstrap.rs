//! The bootstrap (Efron 1979): how far would a mean move with other images?

use super::mean;
use crate::random::Stream;

/// Number of resamples.
const RESAMPLES: usize = 2000;

/// The 95 % percentile interval of the mean of `values`, resampled with replacement; NaN of fewer than two values.
///
/// One value is one cluster: where several figures belong to one image, one for each seed, pass their mean, so that the
/// image is resampled with all of them.
pub fn bootstrap_interval(values: &[f64], draws: &mut Stream) -> [f64; 2] {
    if values.len() < 2 || values.iter().any(|value| !value.is_finite()) {
        return [f64::NAN; 2];
    }
    let n = values.len() as u32;
    // Differences from the mean are summed, so that sums of many large values lose no digits.
    let centre = mean(values);
    let away: Vec<f64> = values.iter().map(|value| value - centre).collect();
    let shift = |draws: &mut Stream| (0..n).map(|_| away[draws.below(n) as usize]).sum::<f64>() / f64::from(n);
    percentile_interval(|| shift(draws)).map(|shift| centre + shift)
}

/// How often each of n values is drawn in a resample of n with replacement.
pub fn resample_counts(n: usize, draws: &mut Stream) -> Vec<u32> {
    let mut counts = vec![0; n];
    (0..n).for_each(|_| counts[draws.below(n as u32) as usize] += 1);
    counts
}

/// The 95 % percentile interval of what `resample` gives.
pub(super) fn percentile_interval(mut resample: impl FnMut() -> f64) -> [f64; 2] {
    let mut means: Vec<f64> = (0..RESAMPLES).map(|_| resample()).collect();
    means.sort_by(f64::total_cmp);
    [quantile(&means, 0.025), quantile(&means, 0.975)]
}

/// The quantile of `sorted` values at `share`, interpolated linearly between neighbours.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (place - below as f64) * (sorted[above] - sorted[below])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        random::Purpose,
        stats::golden::{assert_close, golden},
    };

    #[test]
    fn the_interval_is_scipys_within_the_noise_of_resampling() {
        let golden = golden();
        let values = golden.numbers("bootstrap_values");
        let [low, high] = bootstrap_interval(&values, &mut Stream::new(0, Purpose::Resample, 0, 0));
        // Two percent of the interval's width is what 2,000 resamples leave undecided at its ends.
        let [expected_low, expected_high] = golden.numbers("bootstrap_interval")[..] else { panic!() };
        let slack = 0.06 * (expected_high - expected_low);
        assert!((low - expected_low).abs() < slack && (high - expected_high).abs() < slack, "{low} {high}");
    }

    #[test]
    fn in_1000_synthetic_comparisons_95_of_100_intervals_hold_the_truth() {
        // Paired differences of losses over 300 images and three seeds: skewed, and alike within an image.
        let truth = -0.05;
        let mut hits = 0;
        for comparison in 0..1000 {
            let mut draws = Stream::new(comparison, Purpose::Resample, 1, 0);
            let image = |draws: &mut Stream| {
                let shared = 0.4 * ((1.0 - draws.uniform()).ln() + 1.0);
                mean(&std::array::from_fn::<_, 3, _>(|_| truth + shared + 0.2 * draws.normal()))
            };
            let values: Vec<f64> = (0..300).map(|_| image(&mut draws)).collect();
            let [low, high] = bootstrap_interval(&values, &mut draws);
            hits += u32::from(low <= truth && truth <= high);
        }
        // 950 expected; four standard deviations are 28. Percentile intervals of skewed values lean low a little.
        assert!((915..=978).contains(&hits), "{hits} of 1000");
    }

    #[test]
    fn quantiles_lie_between_their_neighbours() {
        let sorted = [1.0, 2.0, 4.0, 8.0, 16.0];
        assert_eq!([0.0, 0.25, 0.5, 0.875, 1.0].map(|share| quantile(&sorted, share)), [1.0, 2.0, 4.0, 12.0, 16.0]);
        assert!(bootstrap_interval(&[], &mut Stream::new(0, Purpose::Resample, 0, 0))[0].is_nan());
        let same = bootstrap_interval(&[3.0; 10], &mut Stream::new(0, Purpose::Resample, 0, 0));
        assert_close(same[0], 3.0, 0.0);
    }
}
