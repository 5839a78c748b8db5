//! Lookahead, for `--lookahead K` and `--lookahead-alpha A`.
//!
//! | | |
//! |---|---|
//! | What | A second set of weights, the slow ones, follows from behind: after every K updates, and at the end of each epoch, they move by the share A of the way to the trained weights, which then continue from there. The state of the optimizer stays. |
//! | When it helps | Where updates are noisy: small batches, high rates, wrong labels. The rate matters less. With averaged weights (`--model-ema`) little is left to gain. |
//! | Costs | A second copy of the weights, and one pass over them every K updates. Progress in the first epochs is slower. |
//! | Usual values | K 5 to 10, A 0.5 to 0.8. |
//! | Reference | Zhang et al. 2019, "Lookahead optimizer: k steps forward, 1 step back"; timm's `Lookahead` (K 6, A 0.5). |

use tch::Tensor;

use crate::{recipe::Recipe, torch::lists};

/// The slow weights of an optimizer.
#[derive(Debug)]
pub(super) struct Lookahead {
    every: u64,
    share: f64,
    /// The trained tensors, shared with the network.
    trained: Vec<Tensor>,
    /// The slow weights, each with the strides of its trained tensor.
    pub slow: Vec<Tensor>,
}

impl Lookahead {
    /// The slow weights of the tensors `trained`, if `recipe` asks for some. They are set before the first update.
    pub fn new(recipe: &Recipe, trained: Vec<Tensor>) -> Option<Self> {
        let every = u64::from(recipe.lookahead);
        let slow = trained.iter().map(Tensor::zeros_like).collect();
        (every > 0).then_some(Self { every, share: recipe.lookahead_alpha, trained, slow })
    }

    /// Starts from the trained weights, which pretrained ones may have replaced since the optimizer was made.
    pub fn start(&self) {
        lists::copy_all(&references(&self.slow), &references(&self.trained));
    }

    /// Follows the trained weights after update number `update` (from 1).
    pub fn after(&self, update: u64) {
        if update.is_multiple_of(self.every) {
            self.synchronise();
        }
    }

    /// Moves the slow weights towards the trained ones, which then continue from there.
    pub fn synchronise(&self) {
        let (slow, trained) = (references(&self.slow), references(&self.trained));
        lists::lerp_all(&slow, &trained, self.share);
        lists::copy_all(&trained, &slow);
    }
}

fn references(tensors: &[Tensor]) -> Vec<&Tensor> {
    tensors.iter().collect()
}
