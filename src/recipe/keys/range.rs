//! The range of a key's numbers, and its words in errors and documents.

use std::ops::{
    Bound::{self, Excluded, Included},
    RangeBounds,
};

/// Numbers between two bounds; no range holds NaN or an infinity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    low: Bound<f64>,
    high: Bound<f64>,
}

impl Range {
    /// (0, ∞)
    pub const ABOVE_0: Self = Self { low: Excluded(0.0), high: Excluded(f64::INFINITY) };
    /// [0, ∞)
    pub const FROM_0: Self = Self { low: Included(0.0), high: Excluded(f64::INFINITY) };
    /// [0, 1), for a share that leaves something.
    pub const BELOW_1: Self = Self { low: Included(0.0), high: Excluded(1.0) };
    /// [0, 1], for a probability or a share.
    pub const UP_TO_1: Self = Self::from_0_to(1.0);
    /// (0, 1], for a factor that changes nothing at 1.
    pub const ABOVE_0_TO_1: Self = Self::above_0_to(1.0);

    /// [0, `most`]
    pub const fn from_0_to(most: f64) -> Self {
        Self { low: Included(0.0), high: Included(most) }
    }

    /// (0, `most`]
    pub const fn above_0_to(most: f64) -> Self {
        Self { low: Excluded(0.0), high: Included(most) }
    }

    /// Whether `number` lies in it.
    pub fn holds(&self, number: f64) -> bool {
        (self.low, self.high).contains(&number)
    }

    /// The end of a sentence: it must be or lie …
    pub(in crate::recipe) fn words(&self) -> String {
        match (self.low, self.high) {
            (Excluded(low), Excluded(f64::INFINITY)) => format!("be a finite number above {low}"),
            (_, Excluded(f64::INFINITY)) => "be a finite number from 0 up".to_owned(),
            (Excluded(low), Included(high)) => format!("lie above {low}, at most at {high}"),
            _ => format!("lie in {self}"),
        }
    }
}

impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.low {
            Included(low) => write!(f, "[{low}, ")?,
            Excluded(low) => write!(f, "({low}, ")?,
            Bound::Unbounded => write!(f, "(-∞, ")?,
        }
        match self.high {
            Included(high) => write!(f, "{high}]"),
            Excluded(f64::INFINITY) | Bound::Unbounded => write!(f, "∞)"),
            Excluded(high) => write!(f, "{high})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_know_their_ends_and_hold_no_nan() {
        assert!(Range::UP_TO_1.holds(0.0) && Range::UP_TO_1.holds(1.0) && !Range::UP_TO_1.holds(1.1));
        assert!(!Range::ABOVE_0_TO_1.holds(0.0) && Range::ABOVE_0_TO_1.holds(1.0));
        assert!(Range::BELOW_1.holds(0.0) && !Range::BELOW_1.holds(1.0) && !Range::BELOW_1.holds(-0.1));
        assert!(Range::FROM_0.holds(1e9) && !Range::FROM_0.holds(f64::INFINITY) && !Range::FROM_0.holds(f64::NAN));
    }

    #[test]
    fn ranges_read_as_intervals_and_as_words() {
        let ranges = [Range::ABOVE_0, Range::FROM_0, Range::BELOW_1, Range::UP_TO_1, Range::above_0_to(10.0)];
        assert_eq!(ranges.map(|range| range.to_string()), ["(0, ∞)", "[0, ∞)", "[0, 1)", "[0, 1]", "(0, 10]"]);
        assert_eq!(Range::above_0_to(10.0).words(), "lie above 0, at most at 10");
        assert_eq!(Range::from_0_to(180.0).words(), "lie in [0, 180]");
    }
}
