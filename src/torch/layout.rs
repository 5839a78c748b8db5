//! Which order of a tensor's four dimensions in memory is fastest where it lives.

use tch::Tensor;

use super::{amp::is_autocast, catch::throw, shim::channels_last};

/// `tensor` in the layout in which its device convolves fastest: channels last on the CPU (1.6 times the images a
/// second of the contiguous layout on 2 cores); as it is on CUDA, where float32 gains nothing from it, and channels last
/// there too under [`Autocast`](super::Autocast), since tensor cores want it. Tensors of other than four dimensions are
/// returned as they are.
pub fn preferred_layout(tensor: &Tensor) -> Tensor {
    let device = tensor.device();
    if tensor.dim() != 4 || (device.is_cuda() && !is_autocast(device)) {
        return tensor.shallow_clone();
    }
    channels_last(tensor).unwrap_or_else(|error| throw(error))
}
