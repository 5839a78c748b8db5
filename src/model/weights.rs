//! Conversion between tensors and the arrays of safetensors archives.

use anyhow::{Context, Result, bail};
use safetensors::Dtype;
use tch::{Kind, Tensor};

use crate::{durable::Array, torch};

/// The types of numbers that mindgap writes.
const TYPES: [(Kind, Dtype); 4] =
    [(Kind::Half, Dtype::F16), (Kind::Float, Dtype::F32), (Kind::Double, Dtype::F64), (Kind::Int64, Dtype::I64)];

/// A host copy of `tensor` under `name`.
///
/// # Errors
/// The tensor is none of half, float, double or int64, or cannot be copied to the host.
pub fn to_array(name: impl Into<String>, tensor: &Tensor) -> Result<Array> {
    let kind = tensor.kind();
    let Some((_, dtype)) = TYPES.into_iter().find(|(of_tensor, _)| *of_tensor == kind) else {
        bail!("{kind:?} is not a type that mindgap writes");
    };
    // The file is row-major, whatever the layout in memory.
    let tensor = torch::read(&tensor.detach())?.contiguous();
    let mut bytes = vec![0; tensor.numel() * kind.elt_size_in_bytes()];
    tensor.f_copy_data_u8(&mut bytes, tensor.numel())?;
    let shape = tensor.size().into_iter().map(|length| length as usize).collect();
    Ok(Array { name: name.into(), dtype, shape, bytes })
}

/// The array as a tensor on the host.
///
/// # Errors
/// Its numbers are of a type that mindgap does not write, or do not have its shape.
pub fn to_tensor(array: &Array) -> Result<Tensor> {
    let Some((kind, _)) = TYPES.into_iter().find(|(_, of_array)| *of_array == array.dtype) else {
        bail!("{}: {:?} is not a type that mindgap writes", array.name, array.dtype);
    };
    let shape: Vec<i64> = array.shape.iter().map(|&length| length as i64).collect();
    Tensor::f_from_data_size(&array.bytes, &shape, kind).with_context(|| array.name.clone())
}

/// Copies arrays into the tensors of the same name. All names, shapes and types are checked before the first copy, so
/// an error leaves every tensor unchanged.
///
/// # Errors
/// A tensor is missing, left over, or of another shape or type; the message lists all such tensors.
pub fn restore<'a>(targets: impl IntoIterator<Item = (String, &'a Tensor)>, arrays: &[&Array]) -> Result<()> {
    let targets: Vec<_> = targets.into_iter().collect();
    let mut problems = Vec::new();
    let mut pairs = Vec::new();
    for (name, target) in &targets {
        let Some(array) = arrays.iter().find(|array| array.name == *name) else {
            problems.push(format!("{name} is missing"));
            continue;
        };
        let source = to_tensor(array)?;
        if source.size() != target.size() || source.kind() != target.kind() {
            problems.push(format!(
                "{name} is {:?} {:?}, expected {:?} {:?}",
                source.kind(),
                source.size(),
                target.kind(),
                target.size()
            ));
        }
        pairs.push((source, target));
    }
    for array in arrays.iter().filter(|array| targets.iter().all(|(name, _)| *name != array.name)) {
        problems.push(format!("{} is not in this network", array.name));
    }
    if !problems.is_empty() {
        bail!("the tensors do not fit:\n  {}", problems.join("\n  "));
    }
    let _guard = tch::no_grad_guard();
    for (source, target) in pairs {
        target.shallow_clone().copy_(&source);
    }
    Ok(())
}
