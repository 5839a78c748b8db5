//! Early stopping, for `--early-stop PATIENCE`.
//!
//! | | |
//! |---|---|
//! | What | The run ends when PATIENCE epochs in a row have not brought a lower val loss. |
//! | When it helps | To save time once val loss has turned. It does not close the gap; it stops before it opens. |
//! | Costs | The last epoch, the headline of a run, is then chosen on val, and reported as such. A schedule whose rate falls at the end never gets there: most runs end better with a shorter schedule than stopped early. |
//! | Usual values | A fifth of the epochs. |
//! | Reference | Prechelt 1998, "Early stopping, but when?". |

use serde::{Deserialize, Serialize};

/// The lowest val loss of a run and the number of epochs since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EarlyStopping {
    /// Lowest val loss so far \[nats\]; None before the first finite one.
    pub lowest_val_loss: Option<f64>,
    /// Epochs since the lowest val loss.
    pub epochs_since: u32,
}

impl EarlyStopping {
    /// Records the val loss of another epoch. NaN counts as not lower.
    pub fn update(&mut self, val_loss: f64) {
        if val_loss < self.lowest_val_loss.unwrap_or(f64::INFINITY) {
            *self = Self { lowest_val_loss: Some(val_loss), epochs_since: 0 };
        } else {
            self.epochs_since += 1;
        }
    }

    /// Whether `patience` epochs have passed without a lower val loss; never with a patience of 0.
    pub fn is_due(&self, patience: u32) -> bool {
        patience > 0 && self.epochs_since >= patience
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_ends_after_so_many_epochs_without_a_lower_loss() {
        let mut stopping = EarlyStopping::default();
        let mut due = Vec::new();
        for loss in [1.0, 0.9, 0.9, f64::NAN, 0.8, 0.81, 0.82, 0.85] {
            stopping.update(loss);
            due.push(stopping.is_due(3));
        }
        assert_eq!(due, [false, false, false, false, false, false, false, true]);
        assert!(!stopping.is_due(0));
    }
}
