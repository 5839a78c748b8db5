//! Early stopping, for `--early-stop PATIENCE`.
//!
//! | | |
//! |---|---|
//! | What | The run ends when PATIENCE epochs in a row have not brought a lower val loss. |
//! | When it helps | To save time once val loss has turned. It does not close the gap; it stops before it opens. |
//! | Costs | The last epoch, the headline of a run, is then chosen on val, and said to be. A schedule whose rate falls at the end never gets there: most runs end better with a shorter schedule than stopped early. |
//! | Usual values | A fifth of the epochs. |
//! | Reference | Prechelt 1998, "Early stopping, but when?". |

/// How long val loss has not fallen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Patience {
    /// Lowest val loss so far.
    pub lowest: f64,
    /// Epochs since then.
    pub epochs: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self { lowest: f64::INFINITY, epochs: 0 }
    }
}

impl Patience {
    /// Takes the val loss of another epoch into account. NaN is not lower than anything.
    pub fn see(&mut self, val_loss: f64) {
        *self = if val_loss < self.lowest {
            Self { lowest: val_loss, epochs: 0 }
        } else {
            Self { epochs: self.epochs + 1, ..*self }
        };
    }

    /// Whether it is at its end; never with `limit` 0.
    pub fn is_over(&self, limit: u32) -> bool {
        limit > 0 && self.epochs >= limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_ends_after_so_many_epochs_without_a_lower_loss() {
        let mut patience = Patience::default();
        let over: Vec<bool> = [1.0, 0.9, 0.9, f64::NAN, 0.8, 0.81, 0.82, 0.85]
            .into_iter()
            .map(|loss| {
                patience.see(loss);
                patience.is_over(3)
            })
            .collect();
        assert_eq!(over, [false, false, false, false, false, false, false, true]);
        assert!(!patience.is_over(0));
    }
}
