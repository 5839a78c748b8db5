//! Hampel's filter: replaces single points far from their neighbours by the neighbours' median.

/// Standard deviations of the noise beyond which a point is a spike.
const FAR: f64 = 6.0;
/// Factor from the median absolute difference of neighbours to the standard deviation of normal noise: 1 / (0.6745 · √2).
const TO_SD: f64 = 1.048;

/// The points with spikes replaced. The first two and the last two points stay, since a spike cannot be distinguished from a
/// change there.
pub fn without_spikes(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut cleaned = points.to_vec();
    if points.len() < 7 {
        return cleaned;
    }
    let noise = TO_SD * median(points.windows(2).map(|pair| (pair[1].1 - pair[0].1).abs()).collect());
    for (at, around) in points.windows(5).enumerate() {
        let middle = median(around.iter().map(|(_, y)| *y).collect());
        let (_, y) = around[2];
        // Next to a step, several points are far from the median; at a spike, the other four are near it.
        let near = around.iter().filter(|(_, other)| (other - middle).abs() <= FAR * noise).count();
        if (y - middle).abs() > FAR * noise && near >= 4 {
            cleaned[at + 2].1 = middle;
        }
    }
    cleaned
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let n = values.len();
    (values[(n - 1) / 2] + values[n / 2]) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(values: &[f64]) -> Vec<(f64, f64)> {
        (1..).map(f64::from).zip(values.iter().copied()).collect()
    }

    #[test]
    fn a_spike_goes_and_a_step_stays() {
        let noisy = [1.0, 1.01, 0.99, 1.0, 5.0, 1.01, 1.0, 0.99];
        assert!(without_spikes(&series(&noisy)).iter().all(|(_, y)| *y < 1.1));
        let step = series(&[2.0, 2.01, 1.99, 2.0, 1.0, 1.01, 1.0, 0.99]);
        assert_eq!(without_spikes(&step), step);
        let end = series(&[1.0, 1.01, 0.99, 1.0, 1.01, 1.0, 5.0]);
        assert_eq!(without_spikes(&end), end);
    }
}
