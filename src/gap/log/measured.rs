//! Distinguishes a loss that was not measured from one that has diverged: a log may write NaN for both.

/// A loss over the epochs: NaN where it was not measured, ∞ where it has diverged.
///
/// `stated` holds None where an epoch does not state the loss, and NaN where it states NaN. A loss that becomes NaN and
/// stays NaN has diverged. A NaN before a number means not measured, as pandas and Keras write it.
///
/// For a val loss, `train` is the training loss as this function returns it. A val loss that is NaN in all epochs, or in the
/// last epoch alone, counts as diverged only where the training loss has diverged.
pub fn measured(stated: &[Option<f64>], train: Option<&[f64]>) -> Vec<f64> {
    let last_number = stated.iter().rposition(|value| value.is_some_and(|value| !value.is_nan()));
    let tail = last_number.map_or(0, |last| last + 1);
    let has_nan_before_numbers = stated[..tail].iter().flatten().any(|value| value.is_nan());
    let nans_in_tail = stated[tail..].iter().flatten().count();
    let mut losses = Vec::with_capacity(stated.len());
    for (at, value) in stated.iter().enumerate() {
        let is_nan = value.is_some_and(f64::is_nan);
        let has_diverged = is_nan
            && at >= tail
            && !has_nan_before_numbers
            && match train {
                None => true,
                Some(train) => train[at].is_infinite() || last_number.is_some() && nans_in_tail >= 2,
            };
        losses.push(if has_diverged { f64::INFINITY } else { value.unwrap_or(f64::NAN) });
    }
    losses
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAN: Option<f64> = Some(f64::NAN);
    const INF: f64 = f64::INFINITY;

    fn shown(values: &[f64]) -> String {
        format!("{values:?}")
    }

    #[test]
    fn what_stays_nan_has_diverged() {
        assert_eq!(shown(&measured(&[Some(2.0), Some(1.0), NAN, NAN], None)), shown(&[2.0, 1.0, INF, INF]));
        assert_eq!(shown(&measured(&[NAN, NAN], None)), shown(&[INF, INF]));
        let train = [2.0, INF, INF];
        assert_eq!(shown(&measured(&[Some(2.0), NAN, NAN], Some(&train))), shown(&[2.0, INF, INF]));
        assert_eq!(shown(&measured(&[Some(2.0), NAN, NAN], Some(&[2.0, 1.0, 1.0]))), shown(&[2.0, INF, INF]));
    }

    #[test]
    fn what_was_not_measured_has_not() {
        let nan = f64::NAN;
        let train = [2.0, 1.5, 1.0, 0.5];
        assert_eq!(shown(&measured(&[NAN, Some(1.0), NAN, Some(0.9)], Some(&train))), shown(&[nan, 1.0, nan, 0.9]));
        assert_eq!(shown(&measured(&[NAN, Some(1.0), NAN, NAN], Some(&train))), shown(&[nan, 1.0, nan, nan]));
        // The last epoch's measurement is still to come.
        assert_eq!(shown(&measured(&[Some(2.0), Some(1.0), NAN], Some(&train[..3]))), shown(&[2.0, 1.0, nan]));
        assert_eq!(shown(&measured(&[NAN; 4], Some(&train))), shown(&[nan; 4]));
        assert_eq!(shown(&measured(&[Some(1.0), None], None)), shown(&[1.0, nan]));
    }
}
