//! Wilson's interval of a share, such as an accuracy.

/// The quantile of the normal distribution that leaves 2.5 % above it.
const Z: f64 = 1.959_963_984_540_054;

/// Wilson's 95 % interval of a share, 0–1, from `hits` of `n` (Wilson, JASA 1927). Unlike mean ± 1.96 standard errors, it
/// stays within 0–1 and keeps its width when all or none hit. NaN of no values.
pub fn wilson_interval(hits: usize, n: usize) -> [f64; 2] {
    wilson_bounds(hits as f64 / n as f64, n as f64, Z)
}

/// Wilson's bounds of a `share`, 0–1, of `n` values, at `z` standard errors. NaN of no values.
pub fn wilson_bounds(share: f64, n: f64, z: f64) -> [f64; 2] {
    let square = z * z / n;
    let centre = (share + square / 2.0) / (1.0 + square);
    let reach = z / (1.0 + square) * (share * (1.0 - share) / n + square / (4.0 * n)).sqrt();
    // Rounding might exceed the exact bounds 0 and 1.
    [(centre - reach).max(0.0), (centre + reach).min(1.0)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::golden::{assert_all_close, golden_of_classes};

    #[test]
    fn intervals_agree_with_scipy() {
        let golden = golden_of_classes();
        for (hits, n) in [(0, 10), (10, 10), (1, 3), (1894, 3589), (7, 8)] {
            assert_all_close(&wilson_interval(hits, n), &golden.numbers(&format!("wilson_{hits}_{n}")), 1e-14);
        }
    }
}
