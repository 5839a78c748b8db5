//! Between host and device: copies that nobody waits for, and reads that are counted.
//!
//! A read makes the host wait until the device has done all that was asked of it, so a training loop can afford few.

use std::cell::Cell;

use anyhow::Result;
use tch::{Device, Tensor};

use super::{catch::throw, pin_memory};

thread_local! {
    static READS: Cell<u64> = const { Cell::new(0) };
}

/// Moves a tensor of the host to `device`; to CUDA through page-locked memory, so that the host need not wait for the
/// copy.
///
/// # Errors
/// There is no memory for it.
pub fn send(host: &Tensor, device: Device) -> Result<Tensor> {
    Ok(match device {
        Device::Cuda(_) => pin_memory(host)?.f_to_device_(device, host.kind(), true, false)?,
        _ => host.f_to_device(device)?,
    })
}

/// [`send`], where exceptions of libtorch are panics.
///
/// # Panics
/// There is no memory for it.
pub fn sent(host: &Tensor, device: Device) -> Tensor {
    send(host, device).unwrap_or_else(|error| throw(error))
}

/// `tensor` on the host. One read.
///
/// # Errors
/// There is no memory for it, or what the device was asked for before has failed.
pub fn read(tensor: &Tensor) -> Result<Tensor> {
    count();
    Ok(tensor.f_to_device(Device::Cpu)?)
}

/// The number in a tensor that holds one. One read.
///
/// # Errors
/// It holds more than one, or what the device was asked for before has failed.
pub fn read_number(tensor: &Tensor) -> Result<f64> {
    count();
    Ok(tensor.f_double_value(&[])?)
}

/// Reads that this thread has made so far, of whatever device.
pub fn host_reads() -> u64 {
    READS.get()
}

fn count() {
    READS.set(READS.get() + 1);
}
