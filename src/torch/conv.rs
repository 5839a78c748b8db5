//! Rust side of `conv.cpp`: convolution on the CPU with mindgap's own weight gradient, and the memory layout in which a
//! device convolves fastest.

use std::ffi::c_char;

use tch::{Device, Kind, Tensor};
use torch_sys::C_tensor;

use super::{
    amp::is_autocast,
    catch::throw,
    shim::{channels_last, new_tensor, pointer},
};

unsafe extern "C" {
    fn mindgap_conv2d(
        x: *mut C_tensor,
        weight: *mut C_tensor,
        stride: i64,
        padding: i64,
        tiles: bool,
        out: *mut *mut C_tensor,
    ) -> *mut c_char;
}

/// Convolution of `x` `[n, inputs, h, w]` with `weight` `[outputs, inputs, k, k]`, without bias, with `stride` and with
/// `padding` zeros on each side: `[n, outputs, h', w']`.
///
/// In float32 on the CPU mindgap computes the weight gradient itself in two cases; everything else is libtorch's
/// operator:
/// - On CPUs without AVX-512, where channels come last, `inputs` is a multiple of 16 and `outputs` a multiple of 4. It
///   takes half to three quarters of libtorch's time. With AVX-512 libtorch's takes half of mindgap's, so libtorch's is
///   used.
/// - For 1×1 kernels on all CPUs: libtorch's writes beyond its memory where the number of channels is no multiple of 8,
///   and with AVX-512 also where it is 8 (seen with libtorch 2.13).
///
/// The values depend on the number of threads, as libtorch's do.
///
/// # Panics
/// The shapes do not match, or libtorch runs out of memory.
pub fn conv2d(x: &Tensor, weight: &Tensor, stride: i64, padding: i64) -> Tensor {
    let float32_on_cpu = x.device() == Device::Cpu && x.kind() == Kind::Float && !is_autocast(Device::Cpu);
    if !float32_on_cpu {
        return x.conv2d(weight, None::<&Tensor>, [stride; 2], [padding; 2], [1, 1], 1);
    }
    on_cpu(x, weight, stride, padding, !has_avx512())
}

fn has_avx512() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("avx512f");
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// [`conv2d`] on the CPU. With `tiles` the weight gradient is computed by mindgap's tiled kernel where the shapes fit
/// it.
fn on_cpu(x: &Tensor, weight: &Tensor, stride: i64, padding: i64, tiles: bool) -> Tensor {
    // SAFETY: tch's pointers are valid while their tensors live, and `out` is owned by the new Tensor.
    let result = new_tensor(|out| unsafe { mindgap_conv2d(pointer(x), pointer(weight), stride, padding, tiles, out) });
    result.unwrap_or_else(|error| throw(error))
}

/// `tensor` in the memory layout in which its device convolves fastest. On the CPU that is channels last (on 2 cores
/// 1.6 times the images per second of the contiguous layout). On CUDA the layout stays, since float32 gains nothing
/// there; under [`Autocast`](super::Autocast) it is channels last, which tensor cores compute in. A tensor of other
/// than four dimensions keeps its layout.
pub fn preferred_layout(tensor: &Tensor) -> Tensor {
    let device = tensor.device();
    if tensor.dim() != 4 || (device.is_cuda() && !is_autocast(device)) {
        return tensor.shallow_clone();
    }
    channels_last(tensor).unwrap_or_else(|error| throw(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::torch::tests::noise;

    /// The output and both gradients that [`on_cpu`] gives with or without tiles, or, where `tiles` is `None`, that
    /// libtorch's operator gives in float64.
    fn all_results(shape: [i64; 4], outputs: i64, kernel: i64, stride: i64, tiles: Option<bool>) -> Vec<Tensor> {
        let kind = if tiles.is_some() { Kind::Float } else { Kind::Double };
        let leaf =
            |shape: &[i64], number| channels_last(&noise(shape, number).to_kind(kind)).unwrap().set_requires_grad(true);
        let (x, weight) = (leaf(&shape, 0), leaf(&[outputs, shape[1], kernel, kernel], 1));
        let padding = kernel / 2;
        let y = match tiles {
            Some(tiles) => on_cpu(&x, &weight, stride, padding, tiles),
            None => x.conv2d(&weight, None::<&Tensor>, [stride; 2], [padding; 2], [1, 1], 1),
        };
        let upstream = noise(&y.size(), 2).to_kind(kind);
        let gradients = Tensor::run_backward(&[(&y * upstream).sum(kind)], &[&x, &weight], false, false);
        [y.detach()].into_iter().chain(gradients).map(|tensor| tensor.to_kind(Kind::Double)).collect()
    }

    #[test]
    fn values_and_gradients_are_those_of_libtorch() {
        // Shapes for the tiled kernel: one block of channels and several, one band and several, odd sizes, images
        // smaller than the kernel.
        let tiled = [([3, 16, 9, 7], 4), ([5, 32, 24, 24], 32), ([2, 80, 14, 14], 36), ([4, 512, 2, 2], 512)];
        // Shapes that do not fit the tiles: the stem's channels, and the channels at which libtorch's 1×1 kernels fail.
        let others =
            [([3, 1, 9, 7], 16), ([2, 3, 12, 12], 5), ([8, 4, 8, 8], 8), ([2, 24, 5, 5], 16), ([2, 16, 1, 1], 16)];
        for (shape, outputs) in tiled.into_iter().chain(others) {
            for (kernel, stride) in [(1, 1), (1, 2), (3, 1), (3, 2), (7, 2)] {
                let [theirs, plain, tiled] =
                    [None, Some(false), Some(true)].map(|tiles| all_results(shape, outputs, kernel, stride, tiles));
                for (number, (ours, theirs)) in plain.iter().zip(&theirs).chain(tiled.iter().zip(&theirs)).enumerate() {
                    let off = (ours - theirs).abs().max().double_value(&[]) / theirs.abs().max().double_value(&[]);
                    assert!(off < 1e-5, "{shape:?}, kernel {kernel}, stride {stride}: result {number} is off by {off}");
                }
            }
        }
    }

    #[test]
    fn a_convolution_of_constants_has_no_gradient() {
        let ones = |shape: [i64; 4]| Tensor::ones(shape, (Kind::Float, Device::Cpu));
        let weight = ones([16, 16, 3, 3]).set_requires_grad(true);
        let y = conv2d(&ones([1, 16, 4, 4]), &weight, 1, 1);
        assert!(y.requires_grad());
        let _guard = tch::no_grad_guard();
        assert!(!conv2d(&ones([1, 16, 4, 4]), &weight, 1, 1).requires_grad());
    }
}
