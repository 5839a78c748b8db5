//! Between host and device: copies that nobody waits for, and reads that are counted.
//!
//! A read makes the host wait until the device has done all that was asked of it, so a training loop can afford few.

use std::cell::Cell;

use anyhow::Result;
use tch::{Device, Kind, Tensor};

use super::{catch::throw, copy_beside, pin_memory};

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

/// Large tensors of the host on `device`. To CUDA they are copied by a stream of their own, while the device computes what
/// it was asked for before; what it is asked for afterwards finds them there. The host does not wait if they are
/// [`pinned`].
///
/// # Errors
/// There is no memory for it.
pub fn send_beside(host: &Tensor, device: Device) -> Result<Tensor> {
    match device {
        Device::Cuda(index) => copy_beside(host, index),
        _ => Ok(host.f_to_device(device)?),
    }
}

/// `host` in memory from which a copy to `device` makes nobody wait: a copy in page-locked memory for CUDA, itself
/// elsewhere. May be called on any thread.
///
/// # Errors
/// There is no memory for it.
pub fn pinned(host: Tensor, device: Device) -> Result<Tensor> {
    if device.is_cuda() { pin_memory(&host) } else { Ok(host) }
}

/// Tensors of the host that go to a device in one copy.
#[derive(Debug)]
pub struct Parcel {
    device: Device,
    tensors: Vec<Tensor>,
    /// Their bytes one after the other, page-locked, where the device is not the CPU.
    bytes: Option<Tensor>,
}

/// Where the next tensor of a parcel may begin: all kinds of numbers may.
const ALIGNMENT: i64 = 16;

impl Parcel {
    /// A parcel for `device`. May be made on any thread.
    ///
    /// # Errors
    /// There is no memory for it.
    pub fn new(tensors: Vec<Tensor>, device: Device) -> Result<Self> {
        let bytes = match device {
            Device::Cpu => None,
            _ => Some(pinned(in_one(&tensors)?, device)?),
        };
        Ok(Self { device, tensors, bytes })
    }

    /// The tensors on the device, in their order.
    ///
    /// # Errors
    /// There is no memory for them.
    pub fn send(&self) -> Result<Vec<Tensor>> {
        match &self.bytes {
            None => Ok(self.tensors.iter().map(Tensor::shallow_clone).collect()),
            Some(bytes) => taken_apart(&bytes.f_to_device_(self.device, Kind::Uint8, true, false)?, &self.tensors),
        }
    }
}

/// Bytes of a tensor, and of its place in a parcel.
fn sizes(tensor: &Tensor) -> (i64, i64) {
    let bytes = tensor.numel() as i64 * tensor.kind().elt_size_in_bytes() as i64;
    (bytes, (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT)
}

/// The bytes of `tensors`, one after the other, each at a multiple of [`ALIGNMENT`].
fn in_one(tensors: &[Tensor]) -> Result<Tensor> {
    let all = Tensor::f_zeros([tensors.iter().map(|tensor| sizes(tensor).1).sum()], (Kind::Uint8, Device::Cpu))?;
    let mut offset = 0;
    for tensor in tensors {
        let (bytes, place) = sizes(tensor);
        if bytes > 0 {
            let flat = tensor.f_contiguous()?.f_view(-1)?.f_view_dtype(Kind::Uint8)?;
            all.f_narrow(0, offset, bytes)?.f_copy_(&flat)?;
        }
        offset += place;
    }
    Ok(all)
}

/// What [`in_one`] made of tensors like `tensors`, without a copy.
fn taken_apart(all: &Tensor, tensors: &[Tensor]) -> Result<Vec<Tensor>> {
    let mut offset = 0;
    let part = |tensor: &Tensor| {
        let (bytes, place) = sizes(tensor);
        let flat = all.f_narrow(0, offset, bytes)?;
        offset += place;
        Ok(flat.f_view_dtype(tensor.kind())?.f_view(tensor.size().as_slice())?)
    };
    tensors.iter().map(part).collect()
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
        let unpacked = taken_apart(&in_one(&tensors).unwrap(), &tensors).unwrap();
        assert_eq!(unpacked, tensors);
        assert_eq!(Parcel::new(unpacked, Device::Cpu).unwrap().send().unwrap(), tensors);
    }
}
