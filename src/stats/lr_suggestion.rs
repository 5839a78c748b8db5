//! Suggests learning rates from the curve of a range test, or says why it cannot.
//!
//! The rules are fastai's (version 2, `minimum`, `valley` and `steep` in `fastai/callback/schedule.py`). fastai always
//! suggests; here a curve must first show a fall that its noise does not explain, an end of the fall, and a loss below that
//! of guessing by class frequency. The minimum, from which the suggestion comes, is taken over windows of single losses,
//! since the smoothed loss lags and has its minimum at a rate about three times higher.

use std::fmt;

use super::{LrCurve, lowest, lr_curve::three_digits, mean, rate_text};

/// Fewest losses for a suggestion.
const ENOUGH: usize = 10;
/// A fall is clear from this size on \[standard errors of the difference of two windows\]. The limit is high because the
/// bottom is the lowest of many windows: without a trend, fewer than one test in a hundred falls this far.
const CLEAR_FALL: f64 = 5.0;
/// A loss above this share of the loss of guessing does not count as below it: even rates a hundred times below the best
/// lower the loss by so much.
const GUESSED: f64 = 0.97;
/// The suggestion as a share of the rate at the bottom (fastai's), where the loss is about to rise. The bottom is the
/// beginning of the lowest window, which is the cautious choice.
const SHARE: f64 = 0.1;
/// Shares of the whole fall at the lower and the upper bound.
const BOUNDS: [f64; 2] = [0.1, 0.9];

/// Suggested learning rates, with three significant digits: neighbouring steps of a test differ by much more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LrSuggestion {
    /// The rate to train with, as the peak of a schedule: a tenth of the rate where the loss is lowest.
    pub suggestion: f64,
    /// The middle of the longest fall of the smoothed loss.
    pub valley: f64,
    /// Where the smoothed loss falls fastest between `low` and the bottom; outside, noise is often steeper.
    pub steepest: f64,
    /// Lower bound for a cyclic phase: from here on more than a tenth of the fall is done. Not above `suggestion`.
    pub low: f64,
    /// Upper bound for a cyclic phase: from here to the bottom more than nine tenths of the fall are done. Not below
    /// `suggestion`.
    pub high: f64,
}

/// The reason why a curve gives no suggestion. Falls are differences of means over a tenth of the test \[nats\].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum NoSuggestion {
    /// The first loss is not finite.
    NotFinite,
    /// The loss diverged (see [`LrCurve::is_over`]) before a fall could be seen.
    Lost {
        /// Number of losses.
        updates: usize,
        /// The last rate.
        rate: f64,
    },
    /// There are too few losses.
    TooFew {
        /// Number of losses.
        updates: usize,
    },
    /// The loss rose without a clear fall before it.
    Rises,
    /// The loss neither fell nor rose by more than its noise explains.
    Flat {
        /// Fall of the loss.
        fall: f64,
        /// Largest fall that noise explains.
        noise: f64,
    },
    /// The loss was still falling at the last rate.
    StillFalls {
        /// The last rate.
        rate: f64,
    },
    /// The loss fell to that of guessing and not clearly below, which any of the rates achieves.
    Guesses {
        /// The lowest loss.
        loss: f64,
        /// The loss of guessing by class frequency.
        guessing: f64,
        /// Number of updates to try instead.
        more: usize,
    },
}

impl fmt::Display for NoSuggestion {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match *self {
            Self::NotFinite => formatter.write_str(
                "the loss is not finite before the first update, so the rate is not the cause: check the images and \
                 the initial weights",
            ),
            Self::Lost { updates, rate } => write!(
                formatter,
                "the loss diverges at rate {}, after {updates} updates, too early to see a fall: try a smaller \
                 start_lr, or clip_grad",
                rate_text(rate)
            ),
            Self::TooFew { updates } => write!(
                formatter,
                "{updates} updates are too few to distinguish a fall from noise: try a larger num_it, such as 100"
            ),
            Self::Rises => formatter.write_str(
                "the loss rises without a clear fall before it: try a larger num_it, so that the test trains longer \
                 at each rate, or a smaller start_lr",
            ),
            Self::Flat { fall, noise } => write!(
                formatter,
                "the loss falls by {fall:.3}, and the noise between batches explains up to {noise:.3}: try a \
                 larger end_lr, a larger num_it or a larger batch_size"
            ),
            Self::StillFalls { rate } => {
                write!(formatter, "the loss still falls at the last rate, {}: try a larger end_lr", rate_text(rate))
            }
            Self::Guesses { loss, guessing, more } => write!(
                formatter,
                "the loss fell to {loss:.3}, and guessing by class frequency has {guessing:.3}: try \
                 a larger num_it, such as {more}, so that the network learns more than that"
            ),
        }
    }
}

impl LrCurve {
    /// Suggests rates. `guessing` is the loss \[nats\] of guessing by class frequency.
    ///
    /// # Errors
    /// The loss diverged at once, did not fall clearly, fell to the end, or fell no further than to `guessing`.
    pub fn suggest(&self, guessing: f64) -> Result<LrSuggestion, NoSuggestion> {
        let fall = self.fall(guessing)?;
        let rate = |place: usize| self.rates()[place];
        let bottom = fall.bottom + fall.window / 2;
        let suggestion = SHARE * rate(fall.bottom);
        let [low, high] = fall.bounds(self.rates().partition_point(|rate| *rate < suggestion));
        let read = self.read();
        let valley = read.start + valley(&self.smoothed()[read]);
        let steepest = low + steepest(&self.rates()[low..=bottom], &self.smoothed()[low..=bottom]);
        Ok(LrSuggestion {
            suggestion: three_digits(suggestion),
            valley: three_digits(rate(valley)),
            steepest: three_digits(rate(steepest)),
            low: three_digits(rate(low).min(suggestion)),
            high: three_digits(rate(high)),
        })
    }

    /// The fall of the loss, where it is clear, has an end and goes below `guessing`.
    fn fall(&self, guessing: f64) -> Result<Fall, NoSuggestion> {
        let updates = self.losses().len();
        let finite = self.finite();
        let rate = self.rates().last().copied().unwrap_or_default();
        if self.read().len() < ENOUGH {
            return Err(match finite {
                0 if updates > 0 => NoSuggestion::NotFinite,
                _ if self.is_over() => NoSuggestion::Lost { updates, rate },
                _ => NoSuggestion::TooFew { updates },
            });
        }
        // The smoothed loss lags behind, so windows of single losses are used.
        let losses = &self.losses()[..finite];
        let window = (self.planned / 10).max(ENOUGH / 2);
        let means: Vec<f64> = losses.windows(window).map(mean).collect();
        let first = means[0];
        // In the first half rates hardly change the loss, so that it scatters from batch to batch alone.
        let error = scatter(&losses[..finite / 2]) * (2.0 / window as f64).sqrt();
        // Losses without scatter still differ in their last digits.
        let noise = (CLEAR_FALL * error).max(1e-6 * first.abs());
        let bottom = lowest(means.iter().copied()).unwrap_or_default();
        let loss = means[bottom];
        if first - loss <= noise {
            let rises = self.is_over() || means[means.len() - 1] - first > noise;
            return Err(if rises { NoSuggestion::Rises } else { NoSuggestion::Flat { fall: first - loss, noise } });
        }
        if bottom + window / 2 >= means.len() && !self.is_over() {
            return Err(NoSuggestion::StillFalls { rate });
        }
        if loss > GUESSED * guessing {
            return Err(NoSuggestion::Guesses { loss, guessing, more: 2 * self.planned });
        }
        Ok(Fall { window, means, bottom })
    }
}

/// The fall of a loss.
struct Fall {
    /// Number of losses in a window.
    window: usize,
    /// Mean loss of every window, by the index of its first loss.
    means: Vec<f64>,
    /// Index of the lowest mean.
    bottom: usize,
}

impl Fall {
    /// The indices from which the loss stays below the first of [`BOUNDS`] up to `middle`, and below the second from `middle`
    /// to the bottom.
    fn bounds(&self, middle: usize) -> [usize; 2] {
        let half = self.window / 2;
        let middle = middle.saturating_sub(half).min(self.bottom);
        let first = self.means[0];
        let [low, high] = BOUNDS.map(|share| first - share * (first - self.means[self.bottom]));
        [self.below_since(0, middle, low) + half, self.below_since(middle, self.bottom, high) + half]
    }

    /// The first index of `from..to` from which the means stay at `level` or below.
    fn below_since(&self, from: usize, to: usize, level: f64) -> usize {
        let last_above = self.means[from..to].iter().rposition(|loss| *loss > level);
        from + last_above.map_or(0, |index| index + 1)
    }
}

/// The index in the middle of the longest strictly falling subsequence of `losses` (fastai's `valley`). Its beginning is
/// taken to lie as many indices before its end as it has members.
fn valley(losses: &[f64]) -> usize {
    // The highest loss with which a falling subsequence of each length can end. These losses fall with the length.
    let mut ends: Vec<f64> = Vec::new();
    let mut end = 0;
    let mut length = 1;
    for (place, &loss) in losses.iter().enumerate() {
        let shorter = ends.partition_point(|end| *end > loss);
        match ends.get_mut(shorter) {
            Some(end) => *end = loss,
            None => ends.push(loss),
        }
        if shorter + 1 > length {
            end = place;
            length = shorter + 1;
        }
    }
    // The middle is a third of the subsequence and half of a third, each rounded down, after its beginning.
    (end + length / 3 + length / 6).saturating_sub(length)
}

/// The index of the steepest descent of `losses` against the logarithm of `rates` (fastai's `steep`).
fn steepest(rates: &[f64], losses: &[f64]) -> usize {
    let slopes = (1..losses.len()).map(|i| (losses[i] - losses[i - 1]) / (rates[i] / rates[i - 1]).ln());
    lowest(slopes).unwrap_or_default()
}

/// The standard deviation of single losses about their trend, from the median difference of neighbours, which a few jumps
/// do not change.
fn scatter(losses: &[f64]) -> f64 {
    let mut jumps: Vec<f64> = losses.windows(2).map(|pair| (pair[1] - pair[0]).abs()).collect();
    jumps.sort_by(f64::total_cmp);
    let median = jumps.get(jumps.len() / 2).copied().unwrap_or_default();
    // Half of all normal draws lie within 0.6745 standard deviations; a difference has √2 times that of its parts.
    median / (0.6745 * 2f64.sqrt())
}

#[cfg(test)]
mod tests;
