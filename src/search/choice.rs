//! The winner of a search.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::{PairedDifference, PerImage};

/// The winner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// Index of the candidate.
    pub candidate: usize,
    /// Why it was chosen.
    pub why: String,
}

/// Chooses among the candidates that reached the highest rung, each with its losses on the half of val that selects: the one of lowest
/// val loss. Those within one standard error of it, paired over images, cannot be told from it, and among them the smallest gap
/// decides. None without candidates.
///
/// # Errors
/// They were measured on different images.
pub fn choose(finished: &[(usize, PerImage)]) -> Result<Option<Choice>> {
    let loss = |images: &PerImage| images.score().val_loss;
    let Some((best, of_best)) = finished.iter().min_by(|a, b| loss(&a.1).total_cmp(&loss(&b.1))) else {
        return Ok(None);
    };
    let mut chosen = (*best, of_best.score().gap_loss);
    for (candidate, images) in finished {
        let above = PairedDifference::of_loss(images, of_best)?;
        let gap = images.score().gap_loss;
        if candidate != best && above.mean <= above.se && gap < chosen.1 {
            chosen = (*candidate, gap);
        }
    }
    let name = super::trial::name(*best);
    let why = if chosen.0 == *best {
        "lowest val loss".to_owned()
    } else {
        format!("val loss not told from that of {name}, which is lowest, and the gap is smaller")
    };
    Ok(Some(Choice { candidate: chosen.0, why }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::score::tests::per_image;

    #[test]
    fn the_lowest_val_loss_wins_and_of_equal_ones_the_smallest_gap() {
        let low = per_image(&[0.5, 0.9, 0.4, 0.8], &[0.1, 0.1]);
        let equal = per_image(&[0.7, 0.8, 0.5, 0.7], &[0.4, 0.4]);
        let high = per_image(&[1.5, 1.9, 1.4, 1.8], &[1.6, 1.6]);
        let chosen = choose(&[(3, low.clone()), (5, high.clone())]).unwrap().unwrap();
        assert_eq!((chosen.candidate, &*chosen.why), (3, "lowest val loss"));
        let chosen = choose(&[(3, low), (5, high), (7, equal)]).unwrap().unwrap();
        assert_eq!(chosen.candidate, 7);
        assert!(chosen.why.contains("c03"), "{}", chosen.why);
        assert_eq!(choose(&[]).unwrap(), None);
    }
}
