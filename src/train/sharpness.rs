//! Sharpness-aware minimisation, for `--sam RHO` and `--sam-every K`.
//!
//! | | |
//! |---|---|
//! | What | The gradient of an update is taken not where the weights are but RHO further uphill, along the gradient: the loss is lowered in a whole neighbourhood. The second pass sees the same images and the same dropout masks and leaves batch norm's running statistics alone. |
//! | When it helps | Against memorising and wrong labels, also for small networks, when time is not short. |
//! | Costs | A second forward and backward pass, so twice the time an update; with `--sam-every K` only on one update in K. |
//! | Usual values | RHO 0.05, up to 0.1 on small sets; K 1, or 2 to 5 to save time. |
//! | Reference | Foret et al. 2021, "Sharpness-aware minimization for efficiently improving generalization"; for K, Liu et al. 2022, "Towards efficient and scalable sharpness-aware minimization". |

use tch::Tensor;

use crate::torch::lists;

/// Moves `parameters` in place by `radius` along `gradients`, all taken as one vector, and returns their values before.
/// The steps overwrite the gradients.
pub fn ascend(parameters: &[&Tensor], gradients: Vec<Tensor>, radius: f64) -> Vec<Tensor> {
    let _guard = tch::no_grad_guard();
    let before = lists::copies(parameters);
    let gradients: Vec<&Tensor> = gradients.iter().collect();
    // A gradient of zero has no direction: nothing moves then.
    let scale: Tensor = radius / (lists::norms(&gradients).norm() + 1e-12);
    lists::scale_all(&gradients, &scale);
    lists::add_all(parameters, &gradients);
    before
}

/// Restores `parameters` to their values `before`, to the bit.
pub fn descend(parameters: &[&Tensor], before: &[Tensor]) {
    lists::copy_all(parameters, &before.iter().collect::<Vec<_>>());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_a_quadratic_the_gradient_is_that_of_the_highest_point_nearby() {
        // f(w) = (a x² + b y²) / 2 at (3, 4) with a = 1, b = 3: gradient (3, 12), whose length is √153.
        let (a, b, radius) = (1.0, 3.0, 0.5);
        let (x, y) =
            (Tensor::from_slice(&[3.0]).set_requires_grad(true), Tensor::from_slice(&[4.0]).set_requires_grad(true));
        let gradient = || {
            let loss = (x.square() * a + y.square() * b) / 2.0;
            Tensor::run_backward(&[loss], &[&x, &y], false, false)
        };
        let first = gradient();
        let before = ascend(&[&x, &y], first, radius);
        let second = gradient();
        descend(&[&x, &y], &before);
        let length = 153f64.sqrt();
        assert!((second[0].double_value(&[0]) - a * (3.0 + radius * 3.0 / length)).abs() < 1e-12);
        assert!((second[1].double_value(&[0]) - b * (4.0 + radius * 12.0 / length)).abs() < 1e-12);
        assert_eq!((x.double_value(&[0]), y.double_value(&[0])), (3.0, 4.0));
    }

    #[test]
    fn without_a_gradient_nothing_moves() {
        let x = Tensor::from_slice(&[1f32, 2.0]);
        ascend(&[&x], vec![x.zeros_like()], 0.05);
        assert_eq!(x, Tensor::from_slice(&[1f32, 2.0]));
    }
}
