//! The named tensors of a network, in the order in which torchvision's `state_dict` lists them.

use tch::{Device, Kind, Tensor};

use crate::{
    random::{Purpose, Stream},
    torch::{self, lists},
};

/// How a named tensor is trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Weight of a convolution or of the classifier: trained, with weight decay.
    Weight,
    /// Scale or shift of a norm, or a bias: trained, without weight decay unless `norm_decay` is on.
    NormOrBias,
    /// Weight or bias of a frozen layer: not trained.
    Frozen,
    /// Running statistic: updated by batch norm, not by gradients.
    Buffer,
}

/// One named tensor.
#[derive(Debug)]
pub struct Parameter {
    /// torchvision's name, such as `layer1.0.bn1.running_mean`.
    pub name: String,
    /// The tensor, shared with the layer that uses it.
    pub tensor: Tensor,
    /// How it is trained.
    pub role: Role,
}

/// All named tensors of a network.
#[derive(Debug)]
pub struct Parameters {
    device: Device,
    list: Vec<Parameter>,
}

impl Parameters {
    /// An empty list for tensors on `device`.
    pub(super) fn new(device: Device) -> Self {
        Self { device, list: Vec::new() }
    }

    /// All tensors, running statistics included, in order of registration.
    pub fn all(&self) -> &[Parameter] {
        &self.list
    }

    /// The tensors that gradients train.
    pub fn trained(&self) -> impl Iterator<Item = &Parameter> {
        self.list.iter().filter(|parameter| matches!(parameter.role, Role::Weight | Role::NormOrBias))
    }

    /// The number of weights, biases, and norm scales and shifts, frozen ones included.
    pub fn count(&self) -> u64 {
        let parameters = self.list.iter().filter(|parameter| parameter.role != Role::Buffer);
        parameters.map(|parameter| parameter.tensor.numel() as u64).sum()
    }

    /// Freezes the tensors for whose names `is_frozen` is true.
    pub(super) fn freeze(&mut self, is_frozen: impl Fn(&str) -> bool) {
        for parameter in self.list.iter_mut().filter(|parameter| is_frozen(&parameter.name)) {
            if parameter.role != Role::Buffer {
                parameter.role = Role::Frozen;
                // This tensor shares its memory and its flags with the layer's.
                let _ = parameter.tensor.set_requires_grad(false);
            }
        }
    }

    /// The device of the tensors.
    pub fn device(&self) -> Device {
        self.device
    }

    /// Registers a tensor whose numbers are drawn one by one by `value`, from a random stream of this tensor's own.
    pub(super) fn add(
        &mut self,
        name: String,
        shape: &[i64],
        role: Role,
        seed: u64,
        mut value: impl FnMut(&mut Stream) -> f64,
    ) -> Tensor {
        let mut draws = Stream::new(seed, Purpose::Init, 0, self.list.len() as u32);
        let values: Vec<f32> = (0..shape.iter().product()).map(|_| value(&mut draws) as f32).collect();
        let tensor = Tensor::from_slice(&values).view(shape).to_device(self.device);
        let tensor = torch::preferred_layout(&tensor).set_requires_grad(role != Role::Buffer);
        self.list.push(Parameter { name, tensor: tensor.shallow_clone(), role });
        tensor
    }

    /// The tensors alone, in order of registration.
    pub fn tensors(&self) -> Vec<&Tensor> {
        self.list.iter().map(|parameter| &parameter.tensor).collect()
    }

    /// A scalar on the device that is 0 if all numbers, running statistics included, are finite, and NaN otherwise: the sum
    /// of all numbers, each times 0.
    pub(crate) fn times_zero(&self) -> Tensor {
        let _guard = tch::no_grad_guard();
        if self.list.is_empty() {
            return Tensor::from(0.0f32).to_device(self.device);
        }
        // x·0 turns every finite number into 0 and keeps the others; a sum is finite only if each term is.
        (lists::largest(&self.tensors()) * 0.0).sum(Kind::Float)
    }
}
