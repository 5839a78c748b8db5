//! √(a² + b²): standard deviations of independent parts add up so.

/// √(`a`² + `b`²), almost always the nearest number: by the corrected square root of C. F. Borges, An Improved Algorithm
/// for hypot(a,b), 2019 (arXiv:1904.09481), as glibc 2.35 computes it. NaN where one of them is NaN.
///
/// It stands here, with the bits of that library, since a program that calls `f64::hypot` does not start under an older
/// glibc. Squares must be within the range of f64: magnitudes from 1e-150 to 1e150, and zero.
pub fn hypotenuse(a: f64, b: f64) -> f64 {
    let (long, short) = if a.abs() > b.abs() { (a.abs(), b.abs()) } else { (b.abs(), a.abs()) };
    if short <= long * (f64::EPSILON / 2.0) {
        return long + short;
    }
    let root = (long * long + short * short).sqrt();
    // root² − long² − short² in two parts, each computed from small differences without rounding away what counts.
    let (first, second) = if root <= 2.0 * short {
        let rest = root - short;
        (long * (2.0 * rest - long), (rest - 2.0 * (long - short)) * rest)
    } else {
        let rest = root - long;
        (2.0 * rest * (long - 2.0 * short), (4.0 * rest - short) * short + rest * rest)
    };
    root - (first + second) / (2.0 * root)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};

    #[test]
    fn it_is_exact_where_the_root_is_a_number_and_keeps_zero_and_nan() {
        assert_eq!(hypotenuse(3.0, -4.0), 5.0);
        assert_eq!(hypotenuse(0.0, 0.0), 0.0);
        assert_eq!(hypotenuse(0.1, 0.0), 0.1);
        assert_eq!(hypotenuse(1e-20, 0.1), 0.1);
        assert!(hypotenuse(f64::NAN, 1.0).is_nan() && hypotenuse(1.0, f64::NAN).is_nan());
    }

    #[test]
    fn it_agrees_with_the_system_to_the_last_digit() {
        let mut draws = Stream::new(0, Purpose::Init, 0, 0);
        for _ in 0..10_000 {
            let (a, b) = (draws.normal(), 0.1 * draws.normal());
            // Libraries older than glibc 2.35 err by up to one unit in the last place.
            assert!((hypotenuse(a, b) / a.hypot(b) - 1.0).abs() <= f64::EPSILON, "{a} {b}");
        }
    }
}
