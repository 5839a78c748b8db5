//! Model soups, for `mindgap soup`: one network whose weights are the mean of those of several.
//!
//! | | |
//! |---|---|
//! | What | The networks are taken in the order of their val loss, the best first. Each goes into the mean if val loss falls by it, and is left out if not. Batch norm's running statistics belong to no mean of weights, so they are re-estimated for every mean, on 50 batches of augmented training images. |
//! | When it helps | Networks that began from one set of weights and were trained by different recipes or on different orders of the images, such as fine-tuned ones. Networks that began from different random weights lie in different valleys, and their mean is worse than each of them. |
//! | Costs | A measurement of val and 50 forward passes for each network. The result is one network, no slower than one of them. |
//! | Usual values | Five to thirty runs of one pretrained network. |
//! | Reference | Wortsman et al. 2022, "Model soups: averaging weights of multiple fine-tuned models improves accuracy without increasing inference time". |

use anyhow::Result;

use super::{examples::Examples, swa};
use crate::{augment::Normalize, data::Dataset, model::ResNet, recipe::Recipe, torch::lists};

/// A network that was tried in a soup.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tried {
    /// Its index.
    pub network: usize,
    /// The val loss of the soup with it \[nats\]; of the first one, its own.
    pub soup_loss: f64,
    /// Whether it stays in the soup.
    pub is_kept: bool,
}

/// Makes a greedy soup of networks with these val losses \[nats\], of which `loss_of` gives the val loss of the mean of some of
/// them, by their indices. Networks are tried in the order of their own loss; those without a finite one are not tried.
///
/// # Errors
/// An error of `loss_of`.
pub fn greedy(losses: &[f64], mut loss_of: impl FnMut(&[usize]) -> Result<f64>) -> Result<Vec<Tried>> {
    let mut order: Vec<usize> = (0..losses.len()).filter(|&network| losses[network].is_finite()).collect();
    order.sort_by(|&a, &b| losses[a].total_cmp(&losses[b]));
    let mut tried: Vec<Tried> = Vec::new();
    let mut members = Vec::new();
    let mut lowest = f64::INFINITY;
    for network in order {
        members.push(network);
        let soup_loss = if members.len() == 1 { losses[network] } else { loss_of(&members)? };
        let is_kept = soup_loss < lowest;
        if is_kept {
            lowest = soup_loss;
        } else {
            members.pop();
        }
        tried.push(Tried { network, soup_loss, is_kept });
    }
    Ok(tried)
}

/// Sets every tensor of `soup` to the mean of those of `networks`, which have its architecture.
pub fn set_to_mean(soup: &ResNet, networks: &[&ResNet]) {
    for (count, network) in (0..).zip(networks) {
        // The first one replaces what was there.
        lists::lerp_all(&soup.parameters.tensors(), &network.parameters.tensors(), swa::share_at(count));
    }
}

/// Re-estimates batch norm's running statistics of `network` on training images of `data`, as an epoch after the last one of `recipe` would
/// show them.
///
/// # Errors
/// An image that cannot be read any more, or an exception of libtorch.
pub fn estimate_statistics(network: &ResNet, recipe: &Recipe, data: &Dataset, normalize: &Normalize) -> Result<()> {
    let examples = Examples::new(recipe, data, normalize);
    swa::estimate_on_epoch(network, recipe, data, &examples, recipe.epochs + 1)
}

/// Whether networks of these recipes may share a valley: all began from one file of pretrained weights, or from the random weights
/// of one seed.
pub fn share_a_beginning(recipes: &[Recipe]) -> bool {
    let first = &recipes[0];
    let is_pretrained = first.pretrained.is_some();
    let is_like_first =
        |recipe: &Recipe| recipe.pretrained == first.pretrained && (is_pretrained || recipe.seed == first.seed);
    recipes.iter().all(is_like_first)
}

#[cfg(test)]
mod tests {
    use tch::{Device, Tensor};

    use super::*;
    use crate::model::Architecture;

    #[test]
    fn what_lowers_val_loss_stays_in_the_soup() {
        // Alone: 0.9, 0.7, 0.8 and one that diverged. Network 2 helps network 1, network 0 does not.
        let mut asked = Vec::new();
        let tried = greedy(&[0.9, 0.7, 0.8, f64::NAN], |members| {
            asked.push(members.to_vec());
            Ok(if members.contains(&0) { 0.75 } else { 0.6 })
        });
        let of = |network, soup_loss, is_kept| Tried { network, soup_loss, is_kept };
        assert_eq!(tried.unwrap(), [of(1, 0.7, true), of(2, 0.6, true), of(0, 0.75, false)]);
        assert_eq!(asked, [vec![1, 2], vec![1, 2, 0]]);
    }

    #[test]
    fn the_soup_is_the_mean_of_all_tensors() {
        let recipe = Recipe { model: "resnet8".into(), width: Some(2), ..Recipe::default() };
        let architecture = Architecture::new(&recipe, 1, 3).unwrap();
        let [soup, a, b, c] = [0, 1, 2, 3].map(|seed| ResNet::new(&architecture, seed, Device::Cpu));
        set_to_mean(&soup, &[&a, &b, &c]);
        let all = |network: &ResNet| -> Vec<Tensor> {
            network.parameters.all().iter().map(|it| it.tensor.detach()).collect()
        };
        for ((mean, a), (b, c)) in all(&soup).iter().zip(all(&a)).zip(all(&b).iter().zip(all(&c))) {
            assert!(mean.allclose(&((a + b + c) / 3.0), 1e-5, 1e-7, false));
        }
    }

    #[test]
    fn one_beginning_is_one_seed_or_one_file() {
        let of = |seed, pretrained: Option<&str>| Recipe {
            seed,
            pretrained: pretrained.map(Into::into),
            ..Recipe::default()
        };
        assert!(share_a_beginning(&[of(1, None), of(1, None)]));
        assert!(!share_a_beginning(&[of(1, None), of(2, None)]));
        assert!(share_a_beginning(&[of(1, Some("resnet18.a1_in1k")), of(2, Some("resnet18.a1_in1k"))]));
        assert!(!share_a_beginning(&[of(1, Some("a")), of(1, Some("b"))]));
    }
}
