//! Means of values that come in clusters, such as the losses of several images of one patient: values of one cluster are
//! alike, so that n of them say less than n independent ones.

use std::collections::HashMap;

use super::{bootstrap::percentile_interval, mean, standard_error};
use crate::random::Stream;

/// The standard error of the mean of `values`: [`clustered_error`] where they come in `clusters`, else sd/√n.
///
/// # Panics
/// When the lengths differ. The caller must exclude that.
pub fn error_of_mean(values: &[f64], clusters: Option<&[u32]>) -> f64 {
    match clusters {
        Some(clusters) => clustered_error(values, clusters),
        None => standard_error(values),
    }
}

/// The cluster-robust standard error of the mean of n `values` in G `clusters` (value i is of cluster `clusters[i]`):
/// √(G / (G − 1) · Σ_g (Σ_{i in g} (xᵢ − x̄))²) / n; NaN of fewer than two clusters.
///
/// It is Liang and Zeger's estimator (1986) for a regression on a constant, with the small-sample factor
/// G/(G − 1) · (n − 1)/(n − 1) of Cameron and Miller (2015), *A Practitioner's Guide to Cluster-Robust Inference*, section
/// II. Where every value is a cluster of its own it is sd/√n, the plain standard error.
///
/// # Panics
/// When the lengths differ. The caller must exclude that.
pub fn clustered_error(values: &[f64], clusters: &[u32]) -> f64 {
    let sums = sums(values, clusters);
    if sums.len() < 2 {
        return f64::NAN;
    }
    let n = sums.len() as f64;
    let squares: f64 = sums.iter().map(|cluster| cluster.sum * cluster.sum).sum();
    (n / (n - 1.0) * squares).sqrt() / values.len() as f64
}

/// The 95 % percentile interval of the mean of `values`, whose `clusters` are resampled whole with replacement (the pairs
/// cluster bootstrap; Cameron and Miller 2015, section VI); NaN of fewer than two clusters.
///
/// # Panics
/// When the lengths differ. The caller must exclude that.
pub fn clustered_interval(values: &[f64], clusters: &[u32], draws: &mut Stream) -> [f64; 2] {
    let sums = sums(values, clusters);
    if sums.len() < 2 || values.iter().any(|value| !value.is_finite()) {
        return [f64::NAN; 2];
    }
    let n = sums.len() as u32;
    let shift = |draws: &mut Stream| {
        let (mut sum, mut count) = (0.0, 0.0);
        for _ in 0..n {
            let cluster = &sums[draws.below(n) as usize];
            sum += cluster.sum;
            count += cluster.count;
        }
        sum / count
    };
    percentile_interval(|| shift(draws)).map(|shift| mean(values) + shift)
}

/// The sum of the values of one cluster, each less the mean of all, and their number.
struct Cluster {
    sum: f64,
    count: f64,
}

/// The clusters in the order of their first values.
fn sums(values: &[f64], clusters: &[u32]) -> Vec<Cluster> {
    assert_eq!(values.len(), clusters.len(), "every value is of one cluster");
    let centre = mean(values);
    let mut places: HashMap<u32, usize> = HashMap::new();
    let mut sums: Vec<Cluster> = Vec::new();
    for (value, cluster) in values.iter().zip(clusters) {
        let place = *places.entry(*cluster).or_insert(sums.len());
        if place == sums.len() {
            sums.push(Cluster { sum: 0.0, count: 0.0 });
        }
        sums[place].sum += value - centre;
        sums[place].count += 1.0;
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        random::Purpose,
        stats::{bootstrap_interval, golden::assert_close},
    };

    #[test]
    fn the_error_agrees_with_hand_work() {
        // Mean 3; deviations −2, −2, 0 and 0, 2, 2: cluster sums −4, 0 + 0 and 4.
        let values = [1.0, 1.0, 3.0, 3.0, 5.0, 5.0];
        let error = clustered_error(&values, &[7, 7, 9, 9, 1, 1]);
        assert_close(error, (1.5f64 * 32.0).sqrt() / 6.0, 1e-15);
        assert!(clustered_error(&values, &[7; 6]).is_nan() && clustered_error(&[], &[]).is_nan());
    }

    #[test]
    fn clusters_of_one_value_give_the_plain_error_and_interval() {
        let mut draws = Stream::new(3, Purpose::Resample, 0, 0);
        let values: Vec<f64> = (0..500).map(|_| draws.normal()).collect();
        let clusters: Vec<u32> = (0..500).rev().collect();
        assert_close(error_of_mean(&values, Some(&clusters)), error_of_mean(&values, None), 1e-14);
        let stream = || Stream::new(0, Purpose::Resample, 0, 0);
        let [low, high] = clustered_interval(&values, &clusters, &mut stream());
        let [plain_low, plain_high] = bootstrap_interval(&values, &mut stream());
        assert_close(low, plain_low, 1e-12);
        assert_close(high, plain_high, 1e-12);
    }

    #[test]
    fn with_correlated_clusters_the_plain_error_covers_too_little_and_the_clustered_ones_cover() {
        // 60 clusters of 2 to 14 values; half of the variance is shared within a cluster.
        let (mut plain, mut robust, mut resampled) = (0, 0, 0);
        for trial in 0..1000 {
            let mut draws = Stream::new(trial, Purpose::Resample, 5, 0);
            let (mut values, mut clusters) = (Vec::new(), Vec::new());
            for cluster in 0..60 {
                let shared = draws.normal();
                for _ in 0..2 + draws.below(13) {
                    values.push(shared + draws.normal());
                    clusters.push(cluster);
                }
            }
            let covers = |error: f64| u32::from(mean(&values).abs() <= 1.96 * error);
            plain += covers(standard_error(&values));
            robust += covers(clustered_error(&values, &clusters));
            let [low, high] = clustered_interval(&values, &clusters, &mut draws);
            resampled += u32::from(low <= 0.0 && 0.0 <= high);
        }
        println!("of 1000: plain {plain}, clustered {robust}, resampled {resampled}");
        // 950 expected; four standard deviations are 28, and 60 clusters are a few too few for a normal quantile.
        assert!(plain < 750, "plain: {plain} of 1000");
        assert!((915..=975).contains(&robust), "clustered: {robust} of 1000");
        assert!((910..=975).contains(&resampled), "resampled: {resampled} of 1000");
    }
}
