//! Conversion between tensors and the arrays of safetensors archives.

use anyhow::{Context, Result, bail};
use safetensors::Dtype;
use tch::{Kind, Tensor};

use crate::{durable::Array, torch};

/// A host copy of `tensor` under `name`.
///
/// # Errors
/// The tensor is none of half, float, double or int64, or cannot be copied to the host.
pub fn to_array(name: impl Into<String>, tensor: &Tensor) -> Result<Array> {
    let (dtype, element) = match tensor.kind() {
        Kind::Half => (Dtype::F16, 2),
        Kind::Float => (Dtype::F32, 4),
        Kind::Double => (Dtype::F64, 8),
        Kind::Int64 => (Dtype::I64, 8),
        other => bail!("{other:?} is not a type that mindgap writes"),
    };
    // The file is row-major, whatever the layout in memory.
    let tensor = torch::read(&tensor.detach())?.contiguous();
    let mut bytes = vec![0; tensor.numel() * element];
    tensor.f_copy_data_u8(&mut bytes, tensor.numel())?;
    let shape = tensor.size().into_iter().map(|length| length as usize).collect();
    Ok(Array { name: name.into(), dtype, shape, bytes })
}

/// The array as a tensor on the host.
///
/// # Errors
/// Its numbers are of a type that mindgap does not write, or do not have its shape.
pub fn to_tensor(array: &Array) -> Result<Tensor> {
    let kind = match array.dtype {
        Dtype::F16 => Kind::Half,
        Dtype::F32 => Kind::Float,
        Dtype::F64 => Kind::Double,
        Dtype::I64 => Kind::Int64,
        other => bail!("{}: {other:?} is not a type that mindgap writes", array.name),
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
