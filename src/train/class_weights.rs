//! Weights of the classes in the training objective, for `--class-weights balanced`.
//!
//! | | |
//! |---|---|
//! | What | An image counts in inverse proportion to the size of its class, so that every class counts the same in all. |
//! | When it helps | When classes are of very different size (FER2013's disgust is 1.5 % of it) and the small ones matter as much: recall averaged over classes rises. |
//! | Costs | Plain accuracy and val loss, which count images and not classes, usually get a little worse; a rare class with a wrong label counts a lot. |
//! | Usual values | `balanced` or nothing. |
//! | Reference | King and Zeng 2001, "Logistic regression in rare events data"; scikit-learn's `class_weight="balanced"`. |

/// The weight of each class, `n / (classes · n_class)`, where `counts` are the images of each class. A class without
/// images has weight 0.
pub fn balanced(counts: &[usize]) -> Vec<f32> {
    let total: usize = counts.iter().sum();
    let mut weights = Vec::with_capacity(counts.len());
    for &count in counts {
        weights.push(if count == 0 { 0.0 } else { total as f32 / (counts.len() * count) as f32 });
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_counts_the_same_in_all_and_an_image_counts_1_on_average() {
        let counts = [10, 30, 60];
        let weights = balanced(&counts);
        let totals: Vec<f32> = weights.iter().zip(counts).map(|(weight, count)| weight * count as f32).collect();
        assert!(totals.iter().all(|total| (total - 100.0 / 3.0).abs() < 1e-4), "{totals:?}");
        assert_eq!(balanced(&[5, 5, 5]), [1.0; 3]);
    }
}
