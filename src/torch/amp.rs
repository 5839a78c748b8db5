//! Automatic mixed precision: convolutions and matrix products in a short type, the rest as libtorch's lists have it, for
//! `--amp` and `--amp-dtype`.
//!
//! | | |
//! |---|---|
//! | What | Training computes its forward and backward passes in bfloat16 or float16; weights, loss, statistics and every evaluation stay in float32. |
//! | When it helps | When time or memory is short, on a device with instructions for the type: NVIDIA from Volta (float16) or Ampere (bfloat16) on, CPUs with AVX-512 BF16 or AMX. |
//! | Costs | Rounding: bfloat16 keeps 3 digits, float16 4 in a smaller range, which is why its loss is scaled. Elsewhere it is slower than float32, and refused. |
//! | Usual values | `--amp` with bfloat16 where the device has it. |
//! | Reference | Micikevicius et al. 2018, "Mixed precision training". |

use std::{arch, ffi::c_char, marker::PhantomData};

use anyhow::{Result, bail};
use tch::{Device, Kind};

use super::{catch::throw, shim::check};

unsafe extern "C" {
    fn mindgap_autocast_begin(cuda: bool, half: bool) -> *mut c_char;
    fn mindgap_autocast_end(cuda: bool) -> *mut c_char;
    fn mindgap_is_autocast(cuda: bool) -> bool;
}

/// While it lives, operators on this thread and device choose their type as PyTorch's `torch.autocast` has them do. It
/// is for forward passes; a backward pass takes the types of its forward pass by itself.
#[derive(Debug)]
pub struct Autocast {
    cuda: bool,
    /// What it changes belongs to one thread.
    thread: PhantomData<*const ()>,
}

impl Autocast {
    /// Casts to `kind`, which is `BFloat16` or `Half`, on the kind of device that `device` is.
    ///
    /// # Panics
    /// libtorch knows no such casting.
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

/// Whether an [`Autocast`] lives on this thread for the kind of device that `device` is.
pub fn is_autocast(device: Device) -> bool {
    // SAFETY: plain values go in and out.
    unsafe { mindgap_is_autocast(device.is_cuda()) }
}

/// Whether `device` computes `kind` in hardware.
///
/// # Errors
/// It does not, by what this program knows; the message says why, and that `--force-amp` goes on all the same.
pub fn check_amp(device: Device, kind: Kind) -> Result<()> {
    match (device, kind) {
        (Device::Cpu, Kind::Half) => bail!(
            "no CPU kernel of libtorch gains by float16: use --amp-dtype bfloat16 or a CUDA device, or --force-amp to go on \
             slowly"
        ),
        (Device::Cpu, _) if !cpu_has_bfloat16() => bail!(
            "this CPU has no instructions for bfloat16 (AVX-512 BF16, AMX or Arm's BF16), so that it would be slower than \
             float32: leave --amp out, or give --force-amp to go on slowly"
        ),
        _ => Ok(()),
    }
}

#[cfg(target_arch = "x86_64")]
fn cpu_has_bfloat16() -> bool {
    // AMX comes with AVX-512 BF16 in every CPU that has it.
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
    fn convolutions_take_the_short_type_while_the_guard_lives_and_no_longer() {
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
    fn a_panic_ends_the_casting_too() {
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
        assert!(message.contains("float16") && message.contains("--force-amp"), "{message}");
        assert!(check_amp(Device::Cuda(0), Kind::Half).is_ok());
    }
}
