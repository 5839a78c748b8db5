//! Rust side of `norm_relu.cpp`: batch norm, the addition of a skip connection and ReLU, fused to save passes over
//! memory.

use std::ffi::c_char;

use tch::{Device, Kind, Tensor};
use torch_sys::C_tensor;

use super::{
    catch::throw,
    shim::{new_tensor, pointer, pointer_or_null},
};

unsafe extern "C" {
    fn mindgap_norm_relu(
        x: *mut C_tensor,
        skip: *mut C_tensor,
        weight: *mut C_tensor,
        bias: *mut C_tensor,
        running_mean: *mut C_tensor,
        running_var: *mut C_tensor,
        momentum: f64,
        epsilon: f64,
        relu: bool,
        out: *mut *mut C_tensor,
    ) -> *mut c_char;
}

/// The parameters of a batch norm by the batch's own statistics, and how its running statistics are updated.
#[derive(Clone, Copy, Debug)]
pub struct BatchStatistics<'a> {
    /// The scale of each normalised channel, `[c]`.
    pub weight: &'a Tensor,
    /// The shift of each normalised channel, `[c]`.
    pub bias: &'a Tensor,
    /// The running mean and variance, `[c]` each; `None` where they are not updated.
    pub running: Option<(&'a Tensor, &'a Tensor)>,
    /// The share by which the running statistics move towards those of the batch.
    pub momentum: f64,
    /// Added to the variance.
    pub epsilon: f64,
}

/// Whether [`norm_relu`] takes `x`: float32 `[n, c, h, w]` on the CPU, channels last, with c a multiple of 8 and more
/// than one number in each channel.
pub fn norm_relu_takes(x: &Tensor) -> bool {
    let [n, c, h, w] = x.size()[..] else { return false };
    let float32_on_cpu = x.device() == Device::Cpu && x.kind() == Kind::Float;
    float32_on_cpu && c % 8 == 0 && n * h * w > 1 && x.stride() == [h * w * c, 1, w * c, c]
}

/// `norm(x)`, with `relu` `relu(norm(x))`, or with a skip of the same shape `relu(norm(x) + skip)`, as one autograd
/// function. As separate operators they take a quarter of a training step on the CPU, nearly all of it to move numbers
/// to and from memory.
///
/// The values equal those of libtorch's operators up to rounding, and like theirs depend on the number of threads.
///
/// # Panics
/// `x` is not float32 `[n, c, h, w]` on the CPU in channels-last order with c a multiple of 8, `skip` differs from `x` in
/// shape, layout or kind, or libtorch runs out of memory.
pub fn norm_relu(x: &Tensor, skip: Option<&Tensor>, norm: BatchStatistics, relu: bool) -> Tensor {
    assert!(norm_relu_takes(x), "no float32 tensor in channels-last order: {x:?}");
    if let Some(skip) = skip {
        assert!(relu, "a skip is added before a ReLU");
        assert_eq!(
            (skip.size(), skip.stride(), skip.kind()),
            (x.size(), x.stride(), x.kind()),
            "a skip unlike its norm"
        );
    }
    let (mean, var) = norm.running.unzip();
    // SAFETY: tch's pointers are valid while their tensors live; null stands for no tensor. Shapes were compared above,
    // and `out` is owned by the new Tensor.
    let result = new_tensor(|out| unsafe {
        mindgap_norm_relu(
            pointer(x),
            pointer_or_null(skip),
            pointer(norm.weight),
            pointer(norm.bias),
            pointer_or_null(mean),
            pointer_or_null(var),
            norm.momentum,
            norm.epsilon,
            relu,
            out,
        )
    });
    result.unwrap_or_else(|error| throw(error))
}

#[cfg(test)]
mod tests {
    use tch::Kind;

    use super::*;
    use crate::torch::{channels_last, tests::noise};

    /// All results of one norm: the output, the gradients of x, weight, bias and skip, and the running statistics.
    fn all_results(shape: [i64; 4], skip: bool, relu: bool, fused: bool) -> Vec<Tensor> {
        let numbers = std::cell::Cell::new(0);
        let draw = |shape: &[i64]| noise(shape, numbers.replace(numbers.get() + 1));
        let leaf = |tensor: Tensor| tensor.set_requires_grad(true);
        let x = leaf(channels_last(&(draw(&shape) * 2.0 + 3.0)).unwrap());
        let added = skip.then(|| leaf(channels_last(&draw(&shape)).unwrap()));
        let channels = &shape[1..2];
        let (weight, bias) = (leaf(draw(channels)), leaf(draw(channels)));
        let (mean, var) = (draw(channels), draw(channels).abs());
        let upstream = draw(&shape);

        let y = if fused {
            let running = Some((&mean, &var));
            let norm = BatchStatistics { weight: &weight, bias: &bias, running, momentum: 0.1, epsilon: 1e-5 };
            norm_relu(&x, added.as_ref(), norm, relu)
        } else {
            let y = x.batch_norm(Some(&weight), Some(&bias), Some(&mean), Some(&var), true, 0.1, 1e-5, true);
            let y = added.as_ref().map_or(y.shallow_clone(), |added| y + added);
            if relu { y.relu() } else { y }
        };
        let leaves: Vec<&Tensor> =
            [Some(&x), Some(&weight), Some(&bias), added.as_ref()].into_iter().flatten().collect();
        let gradients = Tensor::run_backward(&[(&y * upstream).sum(Kind::Float)], &leaves, false, false);
        [y.detach()].into_iter().chain(gradients).chain([mean, var]).collect()
    }

    #[test]
    fn values_gradients_and_running_statistics_are_those_of_separate_operators() {
        // The second shape has a little more than one block of rows, the last less than one.
        for shape in [[8, 16, 12, 12], [3, 48, 7, 11], [130, 32, 1, 1], [2, 8, 1, 1]] {
            for (skip, relu) in [(false, false), (false, true), (true, true)] {
                let (one, other) = (all_results(shape, skip, relu, true), all_results(shape, skip, relu, false));
                assert_eq!(one.len(), other.len());
                for (number, (one, other)) in one.iter().zip(&other).enumerate() {
                    let close = one.allclose(other, 1e-4, 1e-4, false);
                    assert!(close, "{shape:?}, skip {skip}, relu {relu}: result {number}");
                }
            }
        }
    }

    /// The norm of `x` `[n, 16, h, w]` with scale 1 and shift 0, followed by ReLU if `relu`.
    fn normalized(x: &Tensor, epsilon: f64, relu: bool) -> Tensor {
        let [weight, bias] = [1.0, 0.0].map(|value| Tensor::full([16], value, (Kind::Float, Device::Cpu)));
        let norm = BatchStatistics { weight: &weight, bias: &bias, running: None, momentum: 0.1, epsilon };
        norm_relu(x, None, norm, relu)
    }

    #[test]
    fn a_large_mean_costs_no_precision() {
        let x = channels_last(&(noise(&[64, 16, 8, 8], 0) * 0.0173 + 100.0)).unwrap();
        let y = normalized(&x, 1e-12, false).to_kind(Kind::Double);
        let exact = x.to_kind(Kind::Double);
        let mean = exact.mean_dim([0i64, 2, 3].as_slice(), true, Kind::Double);
        let var = exact.var_dim([0i64, 2, 3].as_slice(), false, true);
        let exact = (exact - mean) / (var + 1e-12).sqrt();
        // 100 has a spacing of 8e-6 in float32, a thousandth of the deviation.
        assert!(y.allclose(&exact, 1e-2, 2e-3, false), "{}", (y - exact).abs().max());
    }

    #[test]
    fn nan_stays_nan() {
        let x = channels_last(&Tensor::ones([2, 16, 2, 2], (Kind::Float, Device::Cpu))).unwrap();
        let _ = x.narrow(0, 1, 1).narrow(1, 5, 1).fill_(f64::NAN);
        let y = normalized(&x, 1e-5, true);
        assert_eq!(y.isnan().sum(Kind::Int64).int64_value(&[]), 8, "one channel only");
    }

    #[test]
    fn other_layouts_kinds_and_channel_counts_are_not_taken() {
        let tensor = |shape: [i64; 4]| Tensor::zeros(shape, (Kind::Float, Device::Cpu));
        assert!(norm_relu_takes(&channels_last(&tensor([2, 16, 4, 4])).unwrap()));
        assert!(!norm_relu_takes(&tensor([2, 16, 4, 4])), "contiguous");
        assert!(!norm_relu_takes(&channels_last(&tensor([2, 12, 4, 4])).unwrap()), "12 channels");
        assert!(!norm_relu_takes(&channels_last(&tensor([1, 16, 1, 1])).unwrap()), "one number");
        assert!(!norm_relu_takes(&channels_last(&tensor([2, 16, 4, 4]).to_kind(Kind::Double)).unwrap()), "float64");
    }
}
