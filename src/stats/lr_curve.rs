//! The curve of a learning-rate range test: losses at growing rates.

/// Weight of the earlier mean when a loss is added (fastai's `beta`): an average over about fifty losses, fewer at the
/// start.
const KEPT: f64 = 0.98;
/// How far above its lowest value the smoothed loss may rise before the test ends (fastai's factor).
const LOST: f64 = 4.0;
/// Losses at the end that suggestions ignore, as in fastai, since the smoothed loss lags behind.
const TAIL: usize = 5;

/// Losses at growing rates, and their exponential mean.
#[derive(Clone, Debug, PartialEq)]
pub struct LrCurve {
    /// Planned number of losses.
    pub(super) planned: usize,
    rates: Vec<f64>,
    losses: Vec<f64>,
    smoothed: Vec<f64>,
    /// The exponential mean of the losses, biased towards its initial value 0.
    mean: f64,
    lowest: f64,
}

impl LrCurve {
    /// A curve of up to `planned` losses, with none yet.
    pub fn new(planned: usize) -> Self {
        Self { planned, rates: Vec::new(), losses: Vec::new(), smoothed: Vec::new(), mean: 0.0, lowest: f64::INFINITY }
    }

    /// Adds the loss \[nats\] at `rate`, which must be above the rate before it.
    pub fn push(&mut self, rate: f64, loss: f64) {
        self.rates.push(rate);
        self.losses.push(loss);
        self.mean = KEPT * self.mean + (1.0 - KEPT) * loss;
        let smoothed = self.mean / (1.0 - KEPT.powi(self.losses.len() as i32));
        self.smoothed.push(smoothed);
        self.lowest = self.lowest.min(smoothed);
    }

    /// Whether the test should end because the loss has diverged: the smoothed loss is not finite, or above four times its
    /// lowest value.
    pub fn is_over(&self) -> bool {
        self.smoothed.last().is_some_and(|loss| !loss.is_finite() || *loss > LOST * self.lowest)
    }

    /// The rates so far.
    pub fn rates(&self) -> &[f64] {
        &self.rates
    }

    /// The loss at each rate \[nats\]; the last may not be finite.
    pub fn losses(&self) -> &[f64] {
        &self.losses
    }

    /// The exponential mean of the losses at each rate, corrected for its bias towards 0 \[nats\].
    pub fn smoothed(&self) -> &[f64] {
        &self.smoothed
    }

    /// Number of losses before the first that is not finite.
    pub(super) fn finite(&self) -> usize {
        self.smoothed.iter().take_while(|loss| loss.is_finite()).count()
    }

    /// The range of losses that suggestions read, as in fastai: without the first tenth of the planned losses, the last five,
    /// and all from the first that is not finite.
    pub(super) fn read(&self) -> std::ops::Range<usize> {
        let first = self.planned / 10;
        first..self.losses.len().saturating_sub(TAIL).min(self.finite()).max(first)
    }
}

/// `rate` as text with three significant digits: 10, 0.05, 2.66e-5.
pub fn rate_text(rate: f64) -> String {
    let rounded = three_digits(rate);
    if (1e-3..1e4).contains(&rounded) { format!("{rounded}") } else { format!("{rounded:e}") }
}

/// `rate` to three significant digits.
pub(super) fn three_digits(rate: f64) -> f64 {
    format!("{rate:.2e}").parse().unwrap_or(rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smoothed_loss_of_a_level_curve_is_that_level_from_the_first_loss_on() {
        let mut curve = LrCurve::new(30);
        (1..=30).for_each(|step| curve.push(f64::from(step), 1.5));
        assert!(curve.smoothed().iter().all(|loss| (loss - 1.5).abs() < 1e-12), "{:?}", curve.smoothed());
        assert_eq!((curve.read(), curve.is_over()), (3..25, false));
    }

    #[test]
    fn a_curve_is_over_above_four_times_its_lowest_or_without_a_number() {
        let over = |last: f64| {
            let mut curve = LrCurve::new(10);
            curve.push(1.0, 2.0);
            curve.push(2.0, last);
            curve.is_over()
        };
        // The second smoothed loss is the mean of both, with weights 0.98 and 1.
        assert!(!over(13.8) && over(13.9) && over(f64::NAN) && over(f64::INFINITY));
    }

    #[test]
    fn rates_are_written_as_people_write_them() {
        let rates = [10.0, 0.05, 0.001, 2.6591e-5, 1e-7, 0.012345, 123456.0];
        assert_eq!(rates.map(rate_text), ["10", "0.05", "0.001", "2.66e-5", "1e-7", "0.0123", "1.23e5"]);
    }
}
