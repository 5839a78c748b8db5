//! Mutable access to the memory of a uint8 tensor.

use tch::{Device, Kind, Tensor};

/// The bytes of a contiguous uint8 tensor on the CPU, in row-major order. No other tensor should share its memory.
/// Panics if the tensor is of another kind or device, or not contiguous.
pub fn bytes_mut(tensor: &mut Tensor) -> &mut [u8] {
    assert!(tensor.kind() == Kind::Uint8 && tensor.device() == Device::Cpu && tensor.is_contiguous());
    let length = tensor.numel();
    if length == 0 {
        return &mut [];
    }
    // SAFETY: the tensor was checked to hold `length` contiguous bytes, and they live as long as the tensor, which is
    // borrowed. Every bit pattern is a valid byte. Shallow copies see the changes, as they see those of in-place
    // operators.
    unsafe { std::slice::from_raw_parts_mut(tensor.data_ptr().cast(), length) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_in_the_tensor() {
        let mut tensor = Tensor::zeros([2, 3], (Kind::Uint8, Device::Cpu));
        bytes_mut(&mut tensor).copy_from_slice(&[1, 2, 3, 4, 5, 6]);
        assert!(tensor.equal(&Tensor::from_slice(&[1u8, 2, 3, 4, 5, 6]).view([2, 3])));
        assert!(bytes_mut(&mut Tensor::zeros([0, 3], (Kind::Uint8, Device::Cpu))).is_empty());
    }
}
