//! Weights of the classes in the training objective, for `--class-weights`.
//!
//! | | |
//! |---|---|
//! | What | `balanced`: an image counts in inverse proportion to the size of its class, so that every class counts the same in all. `A=W,B=W`: images of classes A and B count with these weights, those of other classes 1. |
//! | When it helps | When classes are of very different size (FER2013's disgust is 1.5 % of it) and the small ones matter as much: recall averaged over classes rises. |
//! | Costs | Plain accuracy and val loss, which count images and not classes, usually get a little worse; a rare class with a wrong label counts a lot. |
//! | Usual values | `balanced` or nothing; weights of 1 to 5 for what must not be missed. |
//! | Reference | King and Zeng 2001, "Logistic regression in rare events data"; scikit-learn's `class_weight="balanced"`. |

use anyhow::{Context, Result};

use crate::recipe::ClassWeights;

/// The weight of each of `classes`, of which `counts` are the images; None where every image counts the same.
///
/// # Errors
/// A class that has a weight does not exist.
pub fn of(weights: &ClassWeights, classes: &[String], counts: &[usize]) -> Result<Option<Vec<f32>>> {
    let listed = match weights {
        ClassWeights::None => return Ok(None),
        ClassWeights::Balanced => return Ok(Some(balanced(counts))),
        ClassWeights::Listed(listed) => listed,
    };
    let mut all = vec![1.0; classes.len()];
    for (class, weight) in listed {
        let number = classes.iter().position(|name| name == class);
        let number =
            number.with_context(|| format!("`class_weights`: there is no class {class:?}; there are {classes:?}"))?;
        all[number] = *weight as f32;
    }
    Ok(Some(all))
}

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
    fn listed_classes_have_their_weight_and_others_1() {
        let classes = ["anger", "disgust", "joy"].map(str::to_owned);
        let of = |text: &str| of(&text.parse().unwrap(), &classes, &[5, 2, 3]);
        assert_eq!(of("disgust=3,joy=0.5").unwrap(), Some(vec![1.0, 3.0, 0.5]));
        assert_eq!((of("none").unwrap(), of("balanced").unwrap()), (None, Some(balanced(&[5, 2, 3]))));
        assert!(of("fear=2").unwrap_err().to_string().contains("no class \"fear\""));
    }

    #[test]
    fn every_class_counts_the_same_in_all_and_an_image_counts_1_on_average() {
        let counts = [10, 30, 60];
        let weights = balanced(&counts);
        let totals: Vec<f32> = weights.iter().zip(counts).map(|(weight, count)| weight * count as f32).collect();
        assert!(totals.iter().all(|total| (total - 100.0 / 3.0).abs() < 1e-4), "{totals:?}");
        assert_eq!(balanced(&[5, 5, 5]), [1.0; 3]);
    }
}
