//! Calibration: do the network's probabilities agree with its accuracy?
//!
//! Temperature scaling and the binned calibration error are those of Guo et al., "On Calibration of Modern Neural
//! Networks", ICML 2017. Fitting and scoring on the same images would flatter; [`Overconfidence`] is cross-fitted.

use super::{
    logits::{Logits, log_softmax},
    means::mean,
};

/// Number of bins of [`calibration_error`], as usual in the literature.
const BINS: usize = 15;

/// Bounds of a fitted temperature. Perfectly separated images would drive it to 0, images without any signal to ∞; no
/// network worth calibrating comes near either bound.
const TEMPERATURES: [f64; 2] = [0.05, 20.0];

/// What one temperature changes on a set of images.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Overconfidence {
    /// Mean loss per image that dividing the logits by a temperature removes \[nats\], the temperature being fitted on
    /// one half and scored on the other, both ways. Around 0, possibly below, when nothing is to be gained.
    pub nats: f64,
    /// The temperature fitted on all images: above 1 the network is overconfident, below 1 underconfident.
    pub temperature: f64,
}

impl Overconfidence {
    /// Fits and scores temperatures on two halves of the images; `in_first_half[i]` says whether image i belongs to the first.
    /// NaN when a half is empty.
    ///
    /// # Panics
    /// When there is not one half per image.
    pub fn measure(values: &[f32], labels: &[i64], classes: usize, in_first_half: &[bool]) -> Self {
        assert_eq!(in_first_half.len(), labels.len(), "every image belongs to a half");
        let mut halves: [(Vec<f32>, Vec<i64>); 2] = Default::default();
        for (image, &label) in labels.iter().enumerate() {
            let (rows, labels) = &mut halves[usize::from(!in_first_half[image])];
            rows.extend(&values[image * classes..][..classes]);
            labels.push(label);
        }
        let [first, second] = halves.each_ref().map(|(rows, labels)| Logits::new(rows, labels, classes));
        let mut scaled = first.losses(fit_temperature(&second));
        scaled.extend(second.losses(fit_temperature(&first)));

        let all = Logits::new(values, labels, classes);
        Self { nats: mean(&all.losses(1.0)) - mean(&scaled), temperature: fit_temperature(&all) }
    }
}

/// The temperature T that minimises the mean cross-entropy of logits / T, within \[0.05, 20\].
///
/// 1 where no temperature changes anything (one class, equal logits); NaN without images or with logits that are not
/// finite.
pub fn fit_temperature(logits: &Logits) -> f64 {
    // In β = 1/T the loss is convex: its slope rises, and its only zero is bracketed. Newton's step is taken where it
    // stays inside the bracket and is at most half as long as the step before; bisection otherwise.
    let [mut low, mut high] = [1.0 / TEMPERATURES[1], 1.0 / TEMPERATURES[0]];
    let mut beta = 1.0;
    let mut step = f64::INFINITY;
    while step > 1e-13 * beta {
        let (slope, curvature) = derivatives(logits, beta);
        if slope.is_nan() {
            return f64::NAN;
        }
        match slope {
            0.0 => break,
            slope if slope < 0.0 => low = beta,
            _ => high = beta,
        }
        let newton = beta - slope / curvature;
        let quick = low < newton && newton < high && (newton - beta).abs() < step / 2.0;
        let next = if quick { newton } else { (low * high).sqrt() };
        step = (next - beta).abs();
        beta = next;
    }
    1.0 / beta
}

/// First and second derivative of the mean loss with respect to the factor β on the logits: the mean over images of E\[z\] − z_label
/// and of Var\[z\], where z is drawn from the image's softmax.
fn derivatives(logits: &Logits, beta: f64) -> (f64, f64) {
    let mut slope = 0.0;
    let mut curvature = 0.0;
    for (row, label) in logits.rows() {
        // Distances from the label's logit keep the sums small and exactly 0 where all logits are equal.
        let distances = row.iter().map(|&logit| f64::from(logit) - f64::from(row[label]));
        let mut first = 0.0;
        let mut second = 0.0;
        for (log_probability, distance) in log_softmax(row, beta).into_iter().zip(distances) {
            let probability = log_probability.exp();
            first += probability * distance;
            second += probability * distance * distance;
        }
        slope += first;
        curvature += second - first * first;
    }
    (slope / logits.len() as f64, curvature / logits.len() as f64)
}

/// The expected calibration error, 0–1: images are put into 15 bins of equal width by their confidence, each bin
/// (low, high\]; the mean over images of |accuracy − mean confidence| of their bin. NaN without images.
pub fn calibration_error(logits: &Logits) -> f64 {
    // Σ (correct − confidence) of each bin: bin size × (accuracy − confidence), so the sizes cancel.
    let mut excess = [0.0; BINS];
    for (confidence, correct) in logits.confidences().into_iter().zip(logits.correct()) {
        if confidence.is_nan() {
            return f64::NAN;
        }
        let bin = (confidence * BINS as f64).ceil() as usize;
        excess[bin.clamp(1, BINS) - 1] += f64::from(correct) - confidence;
    }
    excess.iter().map(|excess| excess.abs()).sum::<f64>() / logits.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::golden::{assert_close, golden};

    /// Two classes, logits ±`margin`, the first `right` of `n` images on the right side.
    fn coin(n: usize, right: usize, margin: f32) -> (Vec<f32>, Vec<i64>) {
        let labels = (0..n).map(|image| i64::from(image % 2 == 0)).collect::<Vec<_>>();
        let side = |image: usize| if (image < right) == (labels[image] == 1) { margin } else { -margin };
        ((0..n).flat_map(|image| [-side(image), side(image)]).collect(), labels)
    }

    #[test]
    fn temperature_overconfidence_and_calibration_error_agree_with_scipy() {
        let golden = golden();
        let (values, labels) = golden.logits();
        let logits = Logits::new(&values, &labels, golden.classes());
        assert_close(fit_temperature(&logits), golden.number("temperature"), 1e-11);
        let in_first_half: Vec<bool> = golden.numbers("in_first_half").iter().map(|&half| half == 1.0).collect();
        let measured = Overconfidence::measure(&values, &labels, golden.classes(), &in_first_half);
        assert_close(measured.nats, golden.number("overconfidence"), 1e-12);
        assert_close(measured.temperature, golden.number("temperature"), 1e-11);
        assert_close(calibration_error(&logits), golden.number("calibration_error"), 1e-12);
    }

    #[test]
    fn extremes_end_at_the_bounds() {
        let fit = |right, margin| {
            let (values, labels) = coin(50, right, margin);
            fit_temperature(&Logits::new(&values, &labels, 2))
        };
        for margin in [1e-3, 1.0, 10.0] {
            assert_close(fit(50, margin), 0.05, 1e-12);
        }
        // By so wide a margin the losses are 0 in f64: nothing is left to gain, and any temperature will do.
        for margin in [100.0, 1e3, 1e30] {
            assert!((0.05..=1.0).contains(&fit(50, margin)));
        }
        for margin in [1e-3, 1.0, 10.0, 100.0, 1e3, 1e30] {
            assert_close(fit(0, margin), 20.0, 1e-12);
        }
    }

    #[test]
    fn where_no_temperature_changes_anything_it_is_1() {
        assert_eq!(fit_temperature(&Logits::new(&[5.0, -3.0], &[0, 0], 1)), 1.0);
        assert_eq!(fit_temperature(&Logits::new(&[2.5; 8], &[0, 1], 4)), 1.0);
    }

    #[test]
    fn images_of_one_class_alone_can_be_fitted() {
        let (values, mut labels) = coin(100, 75, 2.0);
        labels.fill(1);
        let temperature = fit_temperature(&Logits::new(&values, &labels, 2));
        assert!((0.05..=20.0).contains(&temperature), "{temperature}");
    }

    #[test]
    fn no_images_or_broken_logits_give_nan() {
        assert!(fit_temperature(&Logits::new(&[], &[], 3)).is_nan());
        assert!(calibration_error(&Logits::new(&[], &[], 3)).is_nan());
        let broken = [f32::NAN, 0.0, 1.0, 0.0];
        let broken = Logits::new(&broken, &[0, 1], 2);
        assert!(fit_temperature(&broken).is_nan() && calibration_error(&broken).is_nan());
        assert!(Overconfidence::measure(&[0.0, 1.0], &[0], 2, &[true]).nats.is_nan());
    }

    #[test]
    fn a_calibrated_network_gains_nothing() {
        // Three quarters right at odds of 3 to 1.
        let (values, labels) = coin(400, 300, (3f64.ln() / 2.0) as f32);
        let in_first_half: Vec<bool> = (0..400).map(|image| image % 4 < 2).collect();
        let measured = Overconfidence::measure(&values, &labels, 2, &in_first_half);
        assert!(measured.nats.abs() < 1e-12 && (measured.temperature - 1.0).abs() < 1e-6, "{measured:?}");
    }
}
