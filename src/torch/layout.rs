//! The memory layout in which a device convolves fastest.

use tch::Tensor;

use super::{amp::is_autocast, catch::throw, shim::channels_last};

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
