//! Not measured, or no number? NaN in a log says either.

/// A loss over the epochs: NaN where it was not measured, ∞ where it is no number any more.
///
/// `stated` holds None where an epoch says nothing and NaN where it says NaN. A loss that becomes NaN and stays so has
/// diverged; a NaN before a number means not measured, as pandas and Keras write it. `train` is the training loss, read
/// so already, where this is val's: a val loss that was never a number, or is none after the last epoch alone, has
/// diverged only where training has.
pub fn measured(stated: &[Option<f64>], train: Option<&[f64]>) -> Vec<f64> {
    let is_number = |value: &Option<f64>| value.is_some_and(|value| !value.is_nan());
    let last_number = stated.iter().rposition(is_number);
    let is_sometimes_measured =
        last_number.is_some_and(|last| stated[..last].iter().any(|value| value.is_some_and(f64::is_nan)));
    let tail = last_number.map_or(0, |last| last + 1);
    let trailing = stated[tail..].iter().filter(|value| value.is_some()).count();
    let has_diverged = |at: usize| match train {
        _ if is_sometimes_measured || at < tail => false,
        None => true,
        Some(train) => train[at].is_infinite() || last_number.is_some() && trailing >= 2,
    };
    let value = |(at, value): (usize, &Option<f64>)| match value {
        Some(value) if value.is_nan() && has_diverged(at) => f64::INFINITY,
        Some(value) => *value,
        None => f64::NAN,
    };
    stated.iter().enumerate().map(value).collect()
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
