//! Where a ranked list of probable errors ends.

/// The length of a list, and how good the list is expected to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cut {
    /// Number of entries, from the first one on.
    pub length: usize,
    /// Expected F1 of the list, 0–1: its expected hits, doubled, divided by its length and the expected number of all errors.
    pub f1: f64,
}

/// The length at which a list in descending order of `probabilities`, each that of an error, has the highest expected F1; the
/// shortest of equally good ones. Empty where no error is expected.
///
/// The expected F1 is taken as the ratio of the expectations, which is exact for large lists. An entry belongs to the list if its
/// probability exceeds half of the F1 that the list reaches (Lipton, Elkan and Naryanaswamy, "Optimal Thresholding of
/// Classifiers to Maximize F1 Measure", ECML 2014).
pub fn best_cut(probabilities: &[f64]) -> Cut {
    let errors: f64 = probabilities.iter().sum();
    let mut best = Cut { length: 0, f1: 0.0 };
    let mut hits = 0.0;
    for (index, probability) in probabilities.iter().enumerate() {
        hits += probability;
        let length = index + 1;
        let f1 = 2.0 * hits / (length as f64 + errors);
        if f1 > best.f1 {
            best = Cut { length, f1 };
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certain_list_ends_with_its_last_error() {
        assert_eq!(best_cut(&[1.0, 1.0, 1.0, 0.0, 0.0]), Cut { length: 3, f1: 1.0 });
        assert_eq!(best_cut(&[0.0, 0.0]), Cut { length: 0, f1: 0.0 });
        assert_eq!(best_cut(&[]).length, 0);
    }

    #[test]
    fn an_entry_belongs_to_the_list_if_it_exceeds_half_the_f1() {
        // With the first two: 2·1.5 / (2 + 2.2) = 0.714; 0.4 exceeds half of it, 0.3 does not.
        let probabilities = [0.9, 0.6, 0.4, 0.3];
        let cut = best_cut(&probabilities);
        assert_eq!(cut.length, 3);
        assert!((cut.f1 - 2.0 * 1.9 / (3.0 + 2.2)).abs() < 1e-15);
        assert!(probabilities[2] > cut.f1 / 2.0 && probabilities[3] < cut.f1 / 2.0);
    }
}
