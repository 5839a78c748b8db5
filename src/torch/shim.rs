//! Rust side of `shim.cpp`: the few libtorch calls that tch does not expose.

use std::{
    ffi::{CStr, c_char},
    sync::atomic::{AtomicBool, Ordering},
};

use anyhow::{Result, bail};
use tch::Tensor;
use torch_sys::C_tensor;

unsafe extern "C" {
    fn mindgap_torch_version() -> *const c_char;
    fn mindgap_channels_last(tensor: *mut C_tensor, out: *mut *mut C_tensor) -> *mut c_char;
    fn mindgap_pin_memory(tensor: *mut C_tensor, out: *mut *mut C_tensor) -> *mut c_char;
    fn mindgap_copy_beside(host: *mut C_tensor, index: i64, out: *mut *mut C_tensor) -> *mut c_char;
    fn mindgap_device_memory(index: i64, now: *mut i64, peak: *mut i64) -> *mut c_char;
    fn mindgap_set_deterministic(on: bool) -> *mut c_char;
    fn mindgap_set_tf32(on: bool) -> *mut c_char;
}

/// The version of the libtorch headers that this binary was compiled against, such as `2.13.0`.
pub fn version() -> &'static str {
    // SAFETY: a string literal inside the binary.
    unsafe { CStr::from_ptr(mindgap_torch_version()) }.to_str().unwrap_or("unknown")
}

/// `tensor` `[n, c, h, w]` with its channels innermost in memory, the layout in which CPU convolutions are fastest.
/// Shape and values stay. It is not copied if it already has that layout.
pub fn channels_last(tensor: &Tensor) -> Result<Tensor> {
    // SAFETY: tch's pointer is valid while `tensor` lives, and `out` is owned by the new Tensor.
    new_tensor(|out| unsafe { mindgap_channels_last(pointer(tensor), out) })
}

/// A copy of a host tensor in page-locked memory, from which copies to a CUDA device do not block.
/// Fails if there is no CUDA device.
pub fn pin_memory(tensor: &Tensor) -> Result<Tensor> {
    // SAFETY: as in `channels_last`.
    new_tensor(|out| unsafe { mindgap_pin_memory(pointer(tensor), out) })
}

/// A copy of a host tensor on the CUDA device `index`, made while the device continues with the work queued before. All
/// calls must come from one thread.
pub(super) fn copy_beside(host: &Tensor, index: usize) -> Result<Tensor> {
    // SAFETY: as in `channels_last`.
    new_tensor(|out| unsafe { mindgap_copy_beside(pointer(host), index as i64, out) })
}

/// Memory that tensors take on a device \[bytes\].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DeviceMemory {
    /// Now.
    pub now: u64,
    /// The maximum since the process began.
    pub peak: u64,
}

/// The memory that this process's tensors take on the CUDA device `index`.
///
/// # Errors
/// CUDA is not in use.
pub fn device_memory(index: usize) -> Result<DeviceMemory> {
    let (mut now, mut peak) = (0, 0);
    // SAFETY: both point to local numbers.
    check(unsafe { mindgap_device_memory(index as i64, &mut now, &mut peak) })?;
    Ok(DeviceMemory { now: now as u64, peak: peak as u64 })
}

static DETERMINISTIC: AtomicBool = AtomicBool::new(false);
static TF32: AtomicBool = AtomicBool::new(false);

/// Restricts libtorch to deterministic kernels, or lifts the restriction; an operator that has none then throws. Call
/// it before the first thread starts and before CUDA is used.
pub fn set_deterministic(on: bool) -> Result<()> {
    if on && std::env::var_os("CUBLAS_WORKSPACE_CONFIG").is_none() {
        // cuBLAS is deterministic only with a workspace of fixed size, which it reads from the environment when it
        // starts. SAFETY: the caller has started no other thread that could read the environment.
        unsafe { std::env::set_var("CUBLAS_WORKSPACE_CONFIG", ":4096:8") };
    }
    DETERMINISTIC.store(on, Ordering::Relaxed);
    // SAFETY: no pointers go in.
    check(unsafe { mindgap_set_deterministic(on) })
}

/// Whether [`set_deterministic`] was called with `true` last.
pub fn is_deterministic() -> bool {
    DETERMINISTIC.load(Ordering::Relaxed)
}

/// Lets CUDA devices from Ampere on compute float32 convolutions and matrix products in TF32, which is several times as
/// fast: the range of float32, with 10 bits of precision instead of 23.
pub fn set_tf32(on: bool) -> Result<()> {
    TF32.store(on, Ordering::Relaxed);
    // SAFETY: no pointers go in.
    check(unsafe { mindgap_set_tf32(on) })
}

/// Whether [`set_tf32`] was called with `true` last.
pub fn is_tf32() -> bool {
    TF32.load(Ordering::Relaxed)
}

/// The tensor that `call` writes, unless it fails.
pub(super) fn new_tensor(call: impl FnOnce(*mut *mut C_tensor) -> *mut c_char) -> Result<Tensor> {
    let mut out = std::ptr::null_mut();
    check(call(&mut out))?;
    // SAFETY: the call succeeded, so `out` is a fresh `new at::Tensor`, which tch frees with `delete`.
    Ok(unsafe { Tensor::from_ptr(out) })
}

/// Turns the message of a C++ exception, unless it is null, into an error, and frees it.
pub(super) fn check(message: *mut c_char) -> Result<()> {
    // SAFETY: null, or a string from strdup that nothing else uses.
    match unsafe { take_text(message) } {
        None => Ok(()),
        Some(text) => bail!("libtorch: {text}"),
    }
}

/// The text of a string that C++ has allocated, which is freed; `None` for a null pointer.
///
/// # Safety
/// `text` is null, or a NUL-terminated string from malloc that nothing uses afterwards.
pub(super) unsafe fn take_text(text: *mut c_char) -> Option<String> {
    if text.is_null() {
        return None;
    }
    // SAFETY: by this function's contract.
    unsafe {
        let owned = CStr::from_ptr(text).to_string_lossy().into_owned();
        libc::free(text.cast());
        Some(owned)
    }
}

/// The pointer by which C++ knows `tensor`, valid while the tensor lives.
pub(super) fn pointer(tensor: &Tensor) -> *mut C_tensor {
    tensor.as_ptr().cast_mut()
}

/// The pointer by which C++ knows `tensor`; null stands for no tensor.
pub(super) fn pointer_or_null(tensor: Option<&Tensor>) -> *mut C_tensor {
    tensor.map_or(std::ptr::null_mut(), pointer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_last_changes_the_strides_and_nothing_else() {
        let x = Tensor::arange(2 * 3 * 4 * 5, (tch::Kind::Float, tch::Device::Cpu)).view([2, 3, 4, 5]);
        let y = channels_last(&x).unwrap();
        assert_eq!(y.stride(), [60, 1, 15, 3]);
        assert!(y.equal(&x));
    }

    #[test]
    fn an_exception_becomes_an_error() {
        let three_dimensions = Tensor::zeros([2, 3, 4], (tch::Kind::Float, tch::Device::Cpu));
        let error = channels_last(&three_dimensions).unwrap_err().to_string();
        assert!(error.starts_with("libtorch: "), "{error}");
    }
}
