//! Rust side of `sample.cpp`: bytes sampled and normalised in one pass on the CPU.

use std::ffi::c_char;

use tch::Tensor;
use torch_sys::C_tensor;

use super::{catch::throw, shim::new_tensor};

unsafe extern "C" {
    fn mindgap_sample(
        images: *mut C_tensor,
        maps: *mut C_tensor,
        reflect: bool,
        scale: *mut C_tensor,
        shift: *mut C_tensor,
        out: *mut *mut C_tensor,
    ) -> *mut c_char;
}

/// Images of the CPU, `[n, c, h, w]` of uint8, each sampled bilinearly through its own map, which moves columns and rows
/// each on their own: float32 of the same shape, `scale × value + shift` with one number of each for a channel.
///
/// `maps` are float32 `[n, 2, 7]`, for x and then for y, in pixels from the image's centre: the first place of a crop,
/// its step, its least and its largest place; then `a`, `b` and `c` of `a x + b y + c`, which leads from cropped places
/// to the image, whose edges lie at −1 and 1. Beyond these the image is reflected, or 0. The `b` of x and the `a` of y,
/// which would turn the image, count as 0.
///
/// # Panics
/// The shapes do not go together, or libtorch has no memory.
pub fn sample(images: &Tensor, maps: &Tensor, reflect: bool, scale: &Tensor, shift: &Tensor) -> Tensor {
    let pointer = |tensor: &Tensor| tensor.as_ptr().cast_mut();
    // SAFETY: tch's pointers are valid while their tensors live, and `out` is owned by the new Tensor. The C++ side
    // checks kinds and shapes.
    let result = new_tensor(|out| unsafe {
        mindgap_sample(pointer(images), pointer(maps), reflect, pointer(scale), pointer(shift), out)
    });
    result.unwrap_or_else(|error| throw(error))
}
