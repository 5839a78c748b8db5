//! Rust side of `sample.cpp`: samples and normalises uint8 images in one pass on the CPU.

use std::ffi::c_char;

use tch::Tensor;
use torch_sys::C_tensor;

use super::{
    catch::throw,
    shim::{new_tensor, pointer},
};

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

/// Samples uint8 `images` `[n, c, h, w]` on the CPU bilinearly, each through its own map, and normalises them: float32
/// of the same shape, `scale × value + shift` with one scale and one shift per channel. A map moves columns and rows
/// independently.
///
/// `maps` are float32 `[n, 2, 7]`, for x and then for y, in pixels from the image's centre: the first position of a
/// crop, its step, its smallest and its largest position; then `a`, `b` and `c` of `a x + b y + c`, which maps
/// positions in the crop to positions in the image, whose edges are at −1 and 1. Beyond the edges the image is
/// reflected, or 0. The `b` of x and the `a` of y, which would rotate the image, are taken as 0.
///
/// # Panics
/// The shapes do not match, or libtorch runs out of memory.
pub fn sample(images: &Tensor, maps: &Tensor, reflect: bool, scale: &Tensor, shift: &Tensor) -> Tensor {
    // SAFETY: tch's pointers are valid while their tensors live, and `out` is owned by the new Tensor. The C++ side
    // checks kinds and shapes.
    let result = new_tensor(|out| unsafe {
        mindgap_sample(pointer(images), pointer(maps), reflect, pointer(scale), pointer(shift), out)
    });
    result.unwrap_or_else(|error| throw(error))
}
