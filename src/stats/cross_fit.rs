//! Cross-fitting: the lowest of several losses, without the optimism of choosing it.

/// A best epoch, chosen on one half of val and scored on the other, both ways.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CrossFit {
    /// Mean loss per image \[nats\] of each half at the epoch that the other half chose.
    pub loss: f64,
    /// The epochs (index into the list) that the first and the second half chose.
    pub chosen: [usize; 2],
}

/// Chooses the epoch of lowest loss on one half and scores it on the other, both ways. Unlike the lowest loss on all of
/// val, the result has no optimism from the choice.
///
/// `half_losses[e]` are the two halves' mean losses after epoch e, `half_sizes` the halves' images. `None` when a half
/// is empty or has no loss that is a number.
pub fn cross_fit(half_losses: &[[f64; 2]], half_sizes: [usize; 2]) -> Option<CrossFit> {
    let chosen = [0, 1].map(|half| lowest(half_losses.iter().map(|losses| losses[half])));
    let [Some(first), Some(second)] = chosen else { return None };
    let [n, m] = half_sizes.map(|size| size as f64);
    if n == 0.0 || m == 0.0 {
        return None;
    }
    let loss = (n * half_losses[second][0] + m * half_losses[first][1]) / (n + m);
    Some(CrossFit { loss, chosen: [first, second] })
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
    fn each_half_is_scored_where_the_other_chose() {
        // The first half chooses epoch 1, the second epoch 2.
        let losses = [[1.5, 1.5], [1.0, 1.3], [1.2, 1.1]];
        let fit = cross_fit(&losses, [30, 10]).unwrap();
        assert_eq!(fit.chosen, [1, 2]);
        assert_close(fit.loss, (30.0 * 1.2 + 10.0 * 1.3) / 40.0, 1e-15);
    }

    #[test]
    fn the_cross_fitted_loss_agrees_with_numpy() {
        let golden = golden();
        let losses: Vec<[f64; 2]> = golden.numbers("half_losses").chunks(2).map(|pair| [pair[0], pair[1]]).collect();
        let fit = cross_fit(&losses, [1795, 1794]).unwrap();
        assert_close(fit.loss, golden.number("cross_fitted_loss"), 1e-14);
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
