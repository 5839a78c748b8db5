//! Automatic mixed precision: convolutions and matrix products in a short type, other operators in the type that
//! libtorch's autocast lists give them; for `--amp` and `--amp-dtype`.
//!
//! | | |
//! |---|---|
//! | What | Training computes its forward and backward passes in bfloat16 or float16; weights, loss, statistics and every evaluation stay in float32. |
//! | When it helps | When time or memory is short, on a device with instructions for the type: NVIDIA from Volta (float16) or Ampere (bfloat16) on, CPUs with AVX-512 BF16 or AMX. |
//! | Costs | Rounding: bfloat16 keeps 3 digits; float16 keeps 4 in a smaller range, so its loss is scaled. On a device without such instructions it is slower than float32, and refused. |
//! | Usual values | `--amp` with bfloat16 where the device has it. |
//! | Reference | Micikevicius et al. 2018, "Mixed precision training". |

use std::{arch, ffi::c_char, marker::PhantomData};

use anyhow::{Result, bail, ensure};
use tch::{Device, Kind};

use super::{catch::throw, cuda, shim::check};

unsafe extern "C" {
    fn mindgap_autocast_begin(cuda: bool, half: bool) -> *mut c_char;
    fn mindgap_autocast_end(cuda: bool) -> *mut c_char;
    fn mindgap_is_autocast(cuda: bool) -> bool;
}

/// A guard that turns autocast on: while it lives, operators on this thread and kind of device choose their type as
/// under PyTorch's `torch.autocast`. Hold it during forward passes only; a backward pass uses the types of its forward
/// pass.
#[derive(Debug)]
pub struct Autocast {
    cuda: bool,
    /// Keeps the guard on its thread: autocast is a setting of one thread.
    thread: PhantomData<*const ()>,
}

impl Autocast {
    /// Turns autocast to `kind`, `BFloat16` or `Half`, on: for the CPU or for CUDA, whichever `device` is.
    /// Panics if libtorch has no autocast to `kind` on `device`.
    pub fn new(device: Device, kind: Kind) -> Self {
        let cuda = device.is_cuda();
        // SAFETY: plain values go in.
        check(unsafe { mindgap_autocast_begin(cuda, kind == Kind::Half) }).unwrap_or_else(|error| throw(error));
        Self { cuda, thread: PhantomData }
    }
}

impl Drop for Autocast {
    fn drop(&mut self) {
        // SAFETY: plain values go in.
        let ended = check(unsafe { mindgap_autocast_end(self.cuda) });
        debug_assert!(ended.is_ok(), "{ended:?}");
    }
}

/// Whether autocast is on for this thread and the kind of `device`; see [`Autocast`].
pub fn is_autocast(device: Device) -> bool {
    // SAFETY: plain values go in and out.
    unsafe { mindgap_is_autocast(device.is_cuda()) }
}

/// Whether `device` computes `kind` in hardware.
///
/// # Errors
/// The device is known to have no instructions for it; the message says so.
pub fn check_amp(device: Device, kind: Kind) -> Result<()> {
    match (device, kind) {
        (Device::Cpu, Kind::Half) => {
            bail!("float16 makes no CPU kernel of libtorch faster: use bfloat16 or a CUDA device")
        }
        (Device::Cpu, _) if !cpu_has_bfloat16() => bail!(
            "this CPU has no instructions for bfloat16 (AVX-512 BF16, AMX or Arm's BF16), so it would be slower than float32"
        ),
        (Device::Cuda(index), _) => check_gpu(cuda::driver().ok().as_ref(), index, kind),
        _ => Ok(()),
    }
}

/// Checks that the GPU of number `index` has instructions for `kind`, as far as the driver tells.
fn check_gpu(driver: Option<&cuda::Driver>, index: usize, kind: Kind) -> Result<()> {
    let (least, name) = if kind == Kind::Half { (7, "float16") } else { (8, "bfloat16") };
    let Some((major, minor)) = driver.and_then(|driver| driver.devices.get(index)).map(|gpu| gpu.capability) else {
        return Ok(());
    };
    let other = if major == 7 { "; --amp-dtype float16 has them" } else { "" };
    ensure!(
        major >= least,
        "cuda:{index}, of compute capability {major}.{minor}, has no instructions for {name} (from {least}.0 on), so it would be \
         slower than float32{other}"
    );
    Ok(())
}

#[cfg(target_arch = "x86_64")]
fn cpu_has_bfloat16() -> bool {
    // Every CPU with AMX has AVX-512 BF16 too.
    arch::is_x86_feature_detected!("avx512bf16")
}

#[cfg(target_arch = "aarch64")]
fn cpu_has_bfloat16() -> bool {
    arch::is_aarch64_feature_detected!("bf16")
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn cpu_has_bfloat16() -> bool {
    false
}

#[cfg(test)]
mod tests {
    use tch::Tensor;

    use super::*;

    fn kind_of_a_convolution() -> Kind {
        let zeros = |shape: [i64; 4]| Tensor::zeros(shape, (Kind::Float, Device::Cpu));
        let none: Option<Tensor> = None;
        zeros([1, 1, 4, 4]).conv2d(&zeros([1, 1, 3, 3]), none, [1, 1], [0, 0], [1, 1], 1).kind()
    }

    #[test]
    fn convolutions_compute_in_the_short_type_only_while_the_guard_lives() {
        for kind in [Kind::BFloat16, Kind::Half] {
            {
                let _autocast = Autocast::new(Device::Cpu, kind);
                assert_eq!(kind_of_a_convolution(), kind);
                let sum = Tensor::zeros([2, 2], (Kind::Float, Device::Cpu)).sum(Kind::Float);
                assert_eq!(sum.kind(), Kind::Float);
            }
            assert_eq!(kind_of_a_convolution(), Kind::Float);
        }
    }

    #[test]
    fn a_panic_turns_autocast_off_too() {
        let panicked = std::panic::catch_unwind(|| {
            let _autocast = Autocast::new(Device::Cpu, Kind::BFloat16);
            panic!("in the middle of a forward pass");
        });
        assert!(panicked.is_err());
        assert_eq!(kind_of_a_convolution(), Kind::Float);
    }

    #[test]
    fn float16_on_a_cpu_is_refused_with_the_reason() {
        let message = check_amp(Device::Cpu, Kind::Half).unwrap_err().to_string();
        assert!(message.contains("float16") && message.contains("CUDA"), "{message}");
    }

    #[test]
    fn gpus_without_instructions_for_the_type_are_refused() {
        let driver = |capability| {
            let gpu = cuda::Gpu { name: "GPU".into(), memory: 1 << 30, capability };
            cuda::Driver { version: (13, 0), devices: vec![gpu] }
        };
        for (capability, bfloat16, half) in [((6, 1), false, false), ((7, 5), false, true), ((8, 0), true, true)] {
            let is_ok = |kind| check_gpu(Some(&driver(capability)), 0, kind).is_ok();
            assert_eq!((is_ok(Kind::BFloat16), is_ok(Kind::Half)), (bfloat16, half), "{capability:?}");
        }
        let message = check_gpu(Some(&driver((7, 5))), 0, Kind::BFloat16).unwrap_err().to_string();
        assert!(message.contains("7.5") && message.contains("--amp-dtype float16"), "{message}");
        // Nothing is known of it.
        assert!(check_gpu(None, 0, Kind::BFloat16).is_ok());
    }
}
