//! Transfers between host and device: copies to the device that do not block, and reads from it, which are counted.
//!
//! A read makes the host wait until the device has finished all queued work, so a training loop can afford few.

use std::cell::Cell;

use anyhow::Result;
use tch::{Device, Kind, Tensor};

use super::{catch::throw, copy_beside, pin_memory};

thread_local! {
    static READS: Cell<u64> = const { Cell::new(0) };
}

/// Copies a host tensor to `device`. To CUDA it goes through page-locked memory, so the host does not wait for the
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

/// Copies a large host tensor to `device`. To CUDA it is copied on a separate stream, while the device computes what
/// was queued before; work that is queued afterwards waits for the copy. The host does not wait if the tensor is
/// [`pinned`].
/// Fails if there is no memory for it.
pub fn send_beside(host: &Tensor, device: Device) -> Result<Tensor> {
    match device {
        Device::Cuda(index) => copy_beside(host, index),
        _ => Ok(host.f_to_device(device)?),
    }
}

/// `host` in memory from which a copy to `device` does not block: for CUDA a copy in page-locked memory, otherwise
/// itself. May be called on any thread.
/// Fails if there is no memory for it.
pub fn pinned(host: Tensor, device: Device) -> Result<Tensor> {
    if device.is_cuda() { pin_memory(&host) } else { Ok(host) }
}

/// Host tensors that are copied to a device together, in one transfer.
#[derive(Debug)]
pub struct PackedTensors {
    device: Device,
    tensors: Vec<Tensor>,
    /// The bytes of all tensors one after the other, page-locked; `None` where the device is the CPU.
    bytes: Option<Tensor>,
}

/// Packed tensors begin at multiples of this, which suits all kinds of numbers \[bytes\].
const ALIGNMENT: i64 = 16;

impl PackedTensors {
    /// Packs tensors for `device`. May be called on any thread.
    /// Fails if there is no memory for it.
    pub fn new(tensors: Vec<Tensor>, device: Device) -> Result<Self> {
        let bytes = match device {
            Device::Cpu => None,
            _ => Some(pinned(packed(&tensors)?, device)?),
        };
        Ok(Self { device, tensors, bytes })
    }

    /// The tensors on the device, in their order.
    /// Fails if there is no memory for them.
    pub fn send(&self) -> Result<Vec<Tensor>> {
        match &self.bytes {
            None => Ok(self.tensors.iter().map(Tensor::shallow_clone).collect()),
            Some(bytes) => unpacked(&bytes.f_to_device_(self.device, Kind::Uint8, true, false)?, &self.tensors),
        }
    }
}

/// The bytes of a tensor, without and with the padding that follows it when packed.
fn sizes(tensor: &Tensor) -> (i64, i64) {
    let bytes = tensor.numel() as i64 * tensor.kind().elt_size_in_bytes() as i64;
    (bytes, (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT)
}

/// The bytes of `tensors` in one tensor, one after the other, each at a multiple of [`ALIGNMENT`].
fn packed(tensors: &[Tensor]) -> Result<Tensor> {
    let all = Tensor::f_zeros([tensors.iter().map(|tensor| sizes(tensor).1).sum()], (Kind::Uint8, Device::Cpu))?;
    let mut offset = 0;
    for tensor in tensors {
        let (bytes, padded) = sizes(tensor);
        if bytes > 0 {
            let flat = tensor.f_contiguous()?.f_view(-1)?.f_view_dtype(Kind::Uint8)?;
            all.f_narrow(0, offset, bytes)?.f_copy_(&flat)?;
        }
        offset += padded;
    }
    Ok(all)
}

/// The inverse of [`packed`] without a copy: views into `all` with the shapes and kinds of `tensors`.
fn unpacked(all: &Tensor, tensors: &[Tensor]) -> Result<Vec<Tensor>> {
    let mut views = Vec::new();
    let mut offset = 0;
    for tensor in tensors {
        let (bytes, padded) = sizes(tensor);
        let flat = all.f_narrow(0, offset, bytes)?;
        views.push(flat.f_view_dtype(tensor.kind())?.f_view(tensor.size().as_slice())?);
        offset += padded;
    }
    Ok(views)
}

/// [`send`] for code in which exceptions of libtorch are panics.
/// Panics if there is no memory for it.
pub fn sent(host: &Tensor, device: Device) -> Tensor {
    send(host, device).unwrap_or_else(|error| throw(error))
}

/// `tensor` on the host. One read.
///
/// # Errors
/// There is no memory for it, or work that was queued on the device before has failed.
pub fn read(tensor: &Tensor) -> Result<Tensor> {
    count();
    Ok(tensor.f_to_device(Device::Cpu)?)
}

/// The number in a tensor that holds one. One read.
/// Fails if it holds more than one number, or work that was queued on the device before has failed.
pub fn read_number(tensor: &Tensor) -> Result<f64> {
    count();
    Ok(tensor.f_double_value(&[])?)
}

/// The number of reads that this thread has made so far, from all devices.
pub fn host_reads() -> u64 {
    READS.get()
}

fn count() {
    READS.set(READS.get() + 1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_out_as_it_was() {
        let tensors = [
            Tensor::from_slice(&[1i64, -2, 3]),
            Tensor::from_slice(&[0.5f32, 7.0, -1.0, 2.5, 1e-9]).view([5, 1]),
            Tensor::zeros([0, 3], (Kind::Float, Device::Cpu)),
            Tensor::from_slice(&[9u8]),
            Tensor::from_slice(&[1.0f64, 2.0, 3.0, 4.0]).view([2, 2]).tr(),
        ];
        let views = unpacked(&packed(&tensors).unwrap(), &tensors).unwrap();
        assert_eq!(views, tensors);
        assert_eq!(PackedTensors::new(views, Device::Cpu).unwrap().send().unwrap(), tensors);
    }
}
