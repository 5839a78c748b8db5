//! Cross-fitting: the lowest of several losses, without the optimism of choosing it.

/// Chooses the epoch of lowest loss on one half and scores it on the other, both ways. Unlike the lowest loss on all of
/// val, the result, a mean loss per image \[nats\], has no optimism from the choice.
///
/// `half_losses[e]` are the two halves' mean losses after epoch e, `half_sizes` the halves' images. `None` when a half
/// is empty or has no loss that is a number.
pub fn cross_fit(half_losses: &[[f64; 2]], half_sizes: [usize; 2]) -> Option<f64> {
    let chosen = [0, 1].map(|half| lowest(half_losses.iter().map(|losses| losses[half])));
    let [Some(first), Some(second)] = chosen else { return None };
    let [n, m] = half_sizes.map(|size| size as f64);
    if n == 0.0 || m == 0.0 {
        return None;
    }
    Some((n * half_losses[second][0] + m * half_losses[first][1]) / (n + m))
}

/// The index of the lowest number: NaN never is, and of equal ones the earlier counts. `None` when there is no number.
pub fn lowest(values: impl IntoIterator<Item = f64>) -> Option<usize> {
    let numbers = values.into_iter().enumerate().filter(|(_, value)| !value.is_nan());
    numbers.reduce(|best, next| if next.1 < best.1 { next } else { best }).map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::golden::{assert_close, golden};

    const NAN: f64 = f64::NAN;

    #[test]
    fn the_cross_fitted_loss_agrees_with_numpy() {
        let golden = golden();
        let losses: Vec<[f64; 2]> = golden.numbers("half_losses").chunks(2).map(|pair| [pair[0], pair[1]]).collect();
        assert_close(cross_fit(&losses, [1795, 1794]).unwrap(), golden.number("cross_fitted_loss"), 1e-14);
    }

    #[test]
    fn nan_is_never_lowest_and_of_equals_the_earlier_counts() {
        for (values, expected) in [
            (vec![NAN, 2.0, 1.0], Some(2)),
            (vec![2.0, NAN, 1.0, 1.0], Some(2)),
            (vec![1.0, 2.0, NAN], Some(0)),
            (vec![f64::INFINITY, NAN], Some(0)),
            (vec![NAN, NAN], None),
            (vec![], None),
        ] {
            assert_eq!(lowest(values.clone()), expected, "{values:?}");
        }
    }

    #[test]
    fn without_an_epoch_or_a_half_there_is_nothing_to_fit() {
        assert_eq!(cross_fit(&[], [5, 5]), None);
        assert_eq!(cross_fit(&[[1.0, NAN]], [5, 5]), None);
        assert_eq!(cross_fit(&[[1.0, 1.0]], [10, 0]), None);
    }
}
