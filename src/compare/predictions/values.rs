//! Whether the values of a table are probabilities or logits, and logits from either.

use anyhow::{Result, bail, ensure};

/// What the values of a table are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Values {
    /// Probabilities: not negative, with a sum of 1.
    #[value(help = "Probabilities")]
    Probabilities,
    /// Logits: any numbers, of which the softmax gives probabilities.
    #[value(help = "Logits")]
    Logits,
}

/// The least probability: a smaller one, such as a 0 left by rounding, counts as this. An infinite loss compares nothing.
pub const FLOOR: f64 = 1e-7;
/// A sum of probabilities may differ from 1 by this, and by what rounding to the digits of the row explains…
const TOLERANCE: f64 = 1e-3;
/// …but never by more than this.
const MOST: f64 = 0.2;

/// Values that are negative by no more than this may be probabilities that rounding left below 0.
const ROUNDED_BELOW_ZERO: f32 = -1e-3;

/// What the rows of a table look like so far.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// The line of the first row with a negative value, and whether rounding may have left it below 0.
    negative: Option<(u64, bool)>,
    /// The line of the first row whose sum is 1.
    sums_to_one: Option<u64>,
    /// The line and the sum of the first row whose sum is not 1.
    other_sum: Option<(u64, f64)>,
}

impl Rows {
    /// Takes the values of the row on `line`, written with `decimals` digits after the point.
    pub fn add(&mut self, line: u64, values: &[f32], decimals: usize) {
        let lowest = values.iter().copied().fold(f32::INFINITY, f32::min);
        if lowest < 0.0 {
            let is_rounded = lowest >= ROUNDED_BELOW_ZERO;
            match &mut self.negative {
                // A value that no rounding explains decides.
                Some(first) if first.1 && !is_rounded => *first = (line, false),
                Some(_) => {}
                None => self.negative = Some((line, is_rounded)),
            }
        }
        let sum: f64 = values.iter().map(|&value| f64::from(value)).sum();
        let rounding = 0.51 * values.len() as f64 * 10f64.powi(-(decimals.min(15) as i32));
        if (sum - 1.0).abs() <= rounding.clamp(TOLERANCE, MOST) {
            self.sums_to_one.get_or_insert(line);
        } else {
            self.other_sum.get_or_insert((line, sum));
        }
    }

    /// What the values are: what the user `stated`, where the rows allow it, or what all rows show.
    /// Fails where the rows contradict what was stated, or look like probabilities in some ways and not in others.
    pub fn judge(&self, stated: Option<Values>) -> Result<Values> {
        const STATE: &str = "state whether these are probabilities or logits (`options.values`)";
        match (stated, self.negative, self.other_sum) {
            (Some(Values::Logits), ..) => Ok(Values::Logits),
            (Some(Values::Probabilities), Some((line, false)), _) => {
                bail!("line {line} has a negative value, which is no probability")
            }
            (_, None, Some((line, sum))) if is_percent(sum) && self.sums_to_one.is_none() => {
                bail!(
                    "line {line}: the values have a sum of {sum:.4}, as percentages have: divide them by 100, or say that they are \
                     logits (`options.values = logits`)"
                )
            }
            (Some(Values::Probabilities), _, Some((line, sum))) => {
                bail!(
                    "line {line}: the probabilities have a sum of {sum:.4}, not 1; one sigmoid a class gives none over classes"
                )
            }
            (Some(Values::Probabilities), ..) | (None, None, None) => Ok(Values::Probabilities),
            (None, Some((line, true)), None) => {
                bail!("line {line} has a value below 0, as logits have, but all rows have a sum of 1; {STATE}")
            }
            (None, Some(_), _) => Ok(Values::Logits),
            (None, None, Some((line, sum))) => {
                let others = match self.sums_to_one {
                    Some(other) => format!(", while that of line {other} is 1"),
                    None => String::new(),
                };
                bail!(
                    "line {line}: no value is negative, as in probabilities, but the sum is {sum:.4}, not 1{others}; if they are \
                     logits, say so (`options.values = logits`)"
                )
            }
        }
    }
}

fn is_percent(sum: f64) -> bool {
    (sum - 100.0).abs() < 1.0
}

/// Turns probabilities into logits whose softmax gives them again. Returns how many rows had a label with a probability below
/// [`FLOOR`].
pub fn to_logits(values: &mut [f32], labels: &[i64]) -> Result<usize> {
    ensure!(!labels.is_empty(), "there is no row");
    let classes = values.len() / labels.len();
    let mut raised = 0;
    for (row, &label) in values.chunks_exact_mut(classes).zip(labels) {
        raised += usize::from(f64::from(row[label as usize]) < FLOOR);
        for value in row {
            *value = f64::from(*value).max(FLOOR).ln() as f32;
        }
    }
    Ok(raised)
}
