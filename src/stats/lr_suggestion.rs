//! Which learning rates the curve of a range test speaks for, or why it speaks for none.
//!
//! The rules are fastai's (version 2, `minimum`, `valley` and `steep` in `fastai/callback/schedule.py`). They always
//! answer; here a curve must first show a fall that its noise does not explain, an end to it, and that the network
//! learned more than how frequent the classes are. The minimum, from which the suggestion comes, is that of windows of
//! single losses: the smoothed loss has its own at a rate some three times higher, as late as it is.

use std::fmt;

use super::{LrCurve, lowest, mean, rate_text};

/// Fewest losses that suggestions are read from.
const ENOUGH: usize = 10;
/// A fall counts from here on \[standard errors of the difference of two windows\]. Its bottom is the lowest of many:
/// without any trend the loss falls by so many in fewer than one test in a hundred.
const CLEAR_FALL: f64 = 5.0;
/// A loss above this share of that of guessing is hardly below it: so much is learned in passing, even at rates a
/// hundred times below the best.
const GUESSED: f64 = 0.97;
/// The suggestion as a share of the rate at the bottom (fastai's): there the loss is about to rise. The bottom is taken
/// to lie where the lowest window begins, the cautious end.
const SHARE: f64 = 0.1;
/// Shares of the whole fall that are done at the bounds.
const BOUNDS: [f64; 2] = [0.1, 0.9];

/// Learning rates, to three significant digits: two neighbouring steps of a test lie much further apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LrSuggestion {
    /// The rate to train with, as the peak of a schedule: a tenth of that where the loss is lowest.
    pub suggestion: f64,
    /// The middle of the longest fall of the smoothed loss.
    pub valley: f64,
    /// Where the smoothed loss falls fastest, between `low` and the bottom: noise is often steeper outside.
    pub steepest: f64,
    /// The lower bound of a cyclic phase: the fall has begun for good, a tenth of it is done. Not above `suggestion`.
    pub low: f64,
    /// Its upper bound: from here to the bottom nine tenths of the fall are done. Not below `suggestion`.
    pub high: f64,
}

/// Why a curve gives no suggestion. Falls are differences of means over a tenth of the test \[nats\].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum NoSuggestion {
    /// The very first loss is no finite number.
    NotFinite,
    /// The loss was lost (see [`LrCurve::is_over`]) before anything can be read.
    Lost {
        /// Losses met.
        updates: usize,
        /// The last rate.
        rate: f64,
    },
    /// There are too few losses.
    TooFew {
        /// Losses met.
        updates: usize,
    },
    /// The loss rose without a clear fall before it.
    Rises,
    /// The loss neither fell nor rose by more than its noise explains.
    Flat {
        /// How far it fell.
        fall: f64,
        /// How far it could have fallen without any trend.
        noise: f64,
    },
    /// The loss was still falling at the last rate.
    StillFalls {
        /// That rate.
        rate: f64,
    },
    /// The loss came down to that of guessing, and not clearly below: all rates that were tried do as well for that.
    Guesses {
        /// The lowest loss.
        loss: f64,
        /// That of guessing.
        guessing: f64,
        /// A number of updates worth trying.
        more: usize,
    },
}

impl fmt::Display for NoSuggestion {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match *self {
            Self::NotFinite => formatter.write_str(
                "the loss is no finite number before the first update, so it is not the rate: look at the images and \
                 at the weights that training begins with",
            ),
            Self::Lost { updates, rate } => write!(
                formatter,
                "the loss is lost at rate {}, after {updates} updates, too early to see a fall: try a smaller \
                 --start-lr, or --clip-grad",
                rate_text(rate)
            ),
            Self::TooFew { updates } => write!(
                formatter,
                "{updates} updates are too few to tell a fall from noise: try a larger --num-it, such as 100"
            ),
            Self::Rises => formatter.write_str(
                "the loss rises without a clear fall before it: try a larger --num-it, so that the test trains longer \
                 at each rate, or a smaller --start-lr",
            ),
            Self::Flat { fall, noise } => write!(
                formatter,
                "the loss falls by {fall:.3}, and the noise between batches explains up to {noise:.3}: try a \
                 larger --end-lr, a larger --num-it or a larger --batch-size"
            ),
            Self::StillFalls { rate } => {
                write!(formatter, "the loss still falls at the last rate, {}: try a larger --end-lr", rate_text(rate))
            }
            Self::Guesses { loss, guessing, more } => write!(
                formatter,
                "the loss came down to {loss:.3}, and guessing by the frequency of the classes has {guessing:.3}: try \
                 a larger --num-it, such as {more}, so that the network learns more than that"
            ),
        }
    }
}

impl LrCurve {
    /// The rates that the curve speaks for. `guessing` is the loss \[nats\] of one who knows how frequent the classes
    /// are, and nothing else.
    ///
    /// # Errors
    /// It speaks for none: the loss was lost at once, did not fall clearly, fell to the end, or fell no further than to
    /// `guessing`.
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
        let (updates, finite) = (self.losses().len(), self.finite());
        let rate = self.rates().last().copied().unwrap_or_default();
        if self.read().len() < ENOUGH {
            return Err(match finite {
                0 if updates > 0 => NoSuggestion::NotFinite,
                _ if self.is_over() => NoSuggestion::Lost { updates, rate },
                _ => NoSuggestion::TooFew { updates },
            });
        }
        // The smoothed loss is late: windows of single losses tell where it really stood.
        let losses = &self.losses()[..finite];
        let window = (self.planned() / 10).max(ENOUGH / 2);
        let means: Vec<f64> = losses.windows(window).map(mean).collect();
        let first = means[0];
        // Early on, where rates change little, losses scatter by their batches alone.
        let error = scatter(&losses[..finite / 2]) * (2.0 / window as f64).sqrt();
        // Where losses do not scatter at all, their last digits still do.
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
            return Err(NoSuggestion::Guesses { loss, guessing, more: 2 * self.planned() });
        }
        Ok(Fall { window, means, bottom })
    }
}

/// The fall of a loss.
struct Fall {
    /// Losses in a window.
    window: usize,
    /// Mean loss of every window, by its first place.
    means: Vec<f64>,
    /// The lowest of them.
    bottom: usize,
}

impl Fall {
    /// The places around `middle`, or at it, where the loss comes below the first and the second of [`BOUNDS`] for
    /// good: until `middle`, and until the bottom.
    fn bounds(&self, middle: usize) -> [usize; 2] {
        let half = self.window / 2;
        let middle = middle.saturating_sub(half).min(self.bottom);
        let (above, below) = (self.means[0], self.means[self.bottom]);
        let [low, high] = BOUNDS.map(|share| above - share * (above - below));
        let since = |from: usize, to: usize, level: f64| {
            let above = self.means[from..to].iter().rposition(|loss| *loss > level);
            from + above.map_or(0, |place| place + 1)
        };
        [since(0, middle, low) + half, since(middle, self.bottom, high) + half]
    }
}

/// The place in the middle of the longest strictly falling sequence of `losses` (fastai's `valley`). The sequence may
/// leave losses out; its beginning is taken to lie as many places before its end as it has members.
fn valley(losses: &[f64]) -> usize {
    // The highest loss with which a falling sequence of each length can end: these fall too.
    let mut ends: Vec<f64> = Vec::new();
    let (mut end, mut length) = (0, 1);
    for (place, &loss) in losses.iter().enumerate() {
        let shorter = ends.partition_point(|end| *end > loss);
        match ends.get_mut(shorter) {
            Some(end) => *end = loss,
            None => ends.push(loss),
        }
        if shorter + 1 > length {
            (end, length) = (place, shorter + 1);
        }
    }
    // A third of the sequence and half of a third, each rounded down, after its beginning.
    (end + length / 3 + length / 6).saturating_sub(length)
}

/// The place of the steepest descent of `losses` against the logarithm of `rates` (fastai's `steep`).
fn steepest(rates: &[f64], losses: &[f64]) -> usize {
    let slopes = (1..losses.len()).map(|i| (losses[i] - losses[i - 1]) / (rates[i] / rates[i - 1]).ln());
    lowest(slopes).unwrap_or_default()
}

/// The standard deviation of single losses about their trend, from the differences of neighbours: their median, so that
/// a few jumps do not count.
fn scatter(losses: &[f64]) -> f64 {
    let mut jumps: Vec<f64> = losses.windows(2).map(|pair| (pair[1] - pair[0]).abs()).collect();
    jumps.sort_by(f64::total_cmp);
    let median = jumps.get(jumps.len() / 2).copied().unwrap_or_default();
    // Half of all normal draws lie within 0.6745 standard deviations; a difference has √2 times that of its parts.
    median / (0.6745 * 2f64.sqrt())
}

/// `rate` to three significant digits.
fn three_digits(rate: f64) -> f64 {
    format!("{rate:.2e}").parse().unwrap_or(rate)
}

#[cfg(test)]
mod tests;
