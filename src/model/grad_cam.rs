//! Grad-CAM (Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", ICCV
//! 2017): which regions of an image are evidence for a class.
//!
//! Grad-CAM weighs each map Aᵏ of the last stage by αₖ, the mean over its cells of the class's logit's derivative, and
//! keeps what is positive: ReLU(Σₖ αₖ Aᵏ). Here the logit is Σₖ wₖ · mean(Aᵏ) + b, a global mean and one linear layer,
//! so each derivative is wₖ / cells, whatever the image. No backward pass is needed: up to the constant 1 / cells the
//! result is ReLU(Σₖ wₖ Aᵏ), the class activation map of Zhou et al. (CVPR 2016) without its negative part.

use tch::{Kind, Tensor};

use super::{Mode, ResNet};

impl ResNet {
    /// The evidence for a class in each cell of the last stage's maps, `[n, h', w']`, at least 0. Before negative
    /// values are set to 0, the mean over an image's cells is its logit of the class minus the bias.
    ///
    /// `images` are normalised floats `[n, channels, h, w]`, `classes` i64 \[n\].
    pub fn grad_cam(&self, images: &Tensor, classes: &Tensor) -> Tensor {
        let maps = self.feature_maps(images, &mut Mode::Eval, &mut |_, _| ());
        let weights = self.fc.weight.index_select(0, classes).unsqueeze(-1).unsqueeze(-1);
        (maps * weights).sum_dim_intlist([1i64].as_slice(), false, Kind::Float).relu()
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;
    use crate::{model::Architecture, recipe::Recipe};

    #[test]
    fn the_closed_form_is_what_autograd_gives() {
        let plain = Recipe { model: "resnet8".into(), width: Some(6), ..Recipe::default() };
        let options = Recipe { resnet_d: true, blur_pool: true, se: 4, ..plain.clone() };
        [plain, options].iter().for_each(assert_same_as_autograd);
    }

    fn assert_same_as_autograd(recipe: &Recipe) {
        let network = ResNet::new(&Architecture::new(recipe, 1, 4).unwrap(), 3, Device::Cpu);
        let images = Tensor::arange(5 * 20 * 20, (Kind::Float, Device::Cpu)).view([5, 1, 20, 20]).sin();
        let classes = Tensor::from_slice(&[0i64, 1, 2, 3, 1]);

        let maps = network.feature_maps(&images, &mut Mode::Eval, &mut |_, _| ()).detach().set_requires_grad(true);
        let logits = network.classify(&maps, &mut Mode::Eval);
        logits.gather(1, &classes.unsqueeze(1), false).sum(Kind::Float).backward();
        let alpha = maps.grad().mean_dim([2i64, 3].as_slice(), true, Kind::Float);
        let expected = (alpha * &maps).sum_dim_intlist([1i64].as_slice(), false, Kind::Float).relu();

        let found = network.grad_cam(&images, &classes);
        let cells = (found.size()[1] * found.size()[2]) as f64;
        assert!(cells > 1.0 && expected.max().double_value(&[]) > 0.0);
        assert!((found / cells - expected).abs().max().double_value(&[]) < 1e-6);
    }
}
