//! The epoch since which the gap has been open.

use crate::run::EpochRecord;

/// The first epoch from which on the gap has stayed above two of its standard errors; None when the gap of the last epoch
/// is not above them. A gap that opened and closed again does not count.
pub fn open_since(records: &[EpochRecord]) -> Option<u32> {
    let open = records.iter().rev().take_while(|record| record.gap_loss > 2.0 * record.gap_loss_se);
    open.last().map(|record| record.epoch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{EpochTraining, Measured};

    /// A record of `epoch` whose val losses lie `gap` above the probe's; the standard error is 1/√2.
    fn record(epoch: u32, gap: f32) -> EpochRecord {
        let training = EpochTraining { epoch, ..EpochTraining::default() };
        let probe = Measured { losses: vec![0.0, 1.0], correct: vec![true; 2], groups: None };
        let val = Measured { losses: vec![gap, gap + 1.0], correct: vec![true; 2], groups: None };
        EpochRecord::new(&training, &probe, &val, &[false; 2], None, &[true, false])
    }

    fn since(gaps: &[f32]) -> Option<u32> {
        open_since(&(1..).zip(gaps).map(|(epoch, &gap)| record(epoch, gap)).collect::<Vec<_>>())
    }

    #[test]
    fn a_gap_is_open_since_the_epoch_from_which_it_stayed() {
        assert_eq!(since(&[0.1, 9.0, 0.2, 1.5, 1.6, 2.0]), Some(4));
        assert_eq!(since(&[1.5, 1.6]), Some(1));
    }

    #[test]
    fn a_gap_that_closed_again_is_not_open() {
        assert_eq!(since(&[1.5, 1.6, 1.4]), None);
        assert_eq!(since(&[]), None);
    }
}
