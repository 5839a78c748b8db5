//! Which looks are at one model: a model that is measured twice is no second candidate.

use super::Look;

/// The first look at each model, as indices into `looks`.
pub(super) fn candidates(looks: &[Look]) -> Vec<usize> {
    (0..looks.len()).filter(|&index| first_look(looks, index).is_none()).collect()
}

/// The index of the earliest look at the model of look `index`; None where that is look `index` itself.
///
/// Two looks are at one model where they have the same file of weights, measured by the same views, or the same results to
/// the last bit: an exported model gives what its run gives.
pub(super) fn first_look(looks: &[Look], index: usize) -> Option<usize> {
    let look = &looks[index];
    looks[..index].iter().position(|before| {
        let is_same_model = before.model.model_hash == look.model.model_hash && before.model.views == look.model.views;
        is_same_model || before.results_hash == look.results_hash
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::LookedModel;

    fn look(model_hash: &str, views: &str, results_hash: &str) -> Look {
        let model = LookedModel {
            model: "model.pt".into(),
            weights: "torchscript".into(),
            model_hash: model_hash.into(),
            recipe: None,
            views: views.into(),
        };
        Look {
            time: "2026-01-01T00:00:00Z".into(),
            mindgap: "0.1.0".into(),
            model,
            n: 1,
            test_loss: 0.5,
            test_acc: 100.0,
            results: "0002.safetensors".into(),
            results_hash: results_hash.into(),
        }
    }

    #[test]
    fn a_model_counts_once_whatever_its_file_and_its_views_count_as_others() {
        let looks = [
            look("a", "none", "1"),
            look("a", "flip", "2"),
            look("b", "none", "3"),
            // Another device gives other bits.
            look("a", "none", "4"),
            // An exported file has another hash.
            look("c", "none", "3"),
        ];
        assert_eq!(candidates(&looks), [0, 1, 2]);
        assert_eq!([3, 4].map(|index| first_look(&looks, index)), [Some(0), Some(2)]);
    }
}
