//! The named tensors of a network, in the order in which torchvision's `state_dict` lists them.

use tch::{Device, Kind, Tensor};

use crate::{
    random::{Purpose, Stream},
    torch::{self, lists},
};

/// What a named tensor is to the optimiser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Weight of a convolution or of the classifier: trained, subject to weight decay.
    Weight,
    /// Scale or shift of a norm, or a bias: trained, spared by weight decay unless `--norm-decay`.
    NormOrBias,
    /// Weight or bias of a frozen layer: it stays as it is.
    Frozen,
    /// Running statistic: averaged in training, never by gradient.
    Buffer,
}

/// One named tensor.
#[derive(Debug)]
pub struct Parameter {
    /// torchvision's name, such as `layer1.0.bn1.running_mean`.
    pub name: String,
    /// The tensor, shared with the layer that uses it.
    pub tensor: Tensor,
    /// What it is to the optimiser.
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
    pub fn new(device: Device) -> Self {
        Self { device, list: Vec::new() }
    }

    /// Everything, running statistics included, in order of registration.
    pub fn all(&self) -> &[Parameter] {
        &self.list
    }

    /// What gradients train.
    pub fn trained(&self) -> impl Iterator<Item = &Parameter> {
        self.list.iter().filter(|parameter| matches!(parameter.role, Role::Weight | Role::NormOrBias))
    }

    /// Numbers in weights and biases, frozen ones included.
    pub fn count(&self) -> u64 {
        let learnt = self.list.iter().filter(|parameter| parameter.role != Role::Buffer);
        learnt.map(|parameter| parameter.tensor.numel() as u64).sum()
    }

    /// Takes the tensors whose name `is_frozen` out of training.
    pub(super) fn freeze(&mut self, is_frozen: impl Fn(&str) -> bool) {
        for parameter in self.list.iter_mut().filter(|parameter| is_frozen(&parameter.name)) {
            if parameter.role != Role::Buffer {
                parameter.role = Role::Frozen;
                // The layer's tensor and this one are the same.
                let _ = parameter.tensor.set_requires_grad(false);
            }
        }
    }

    /// Where the tensors live.
    pub fn device(&self) -> Device {
        self.device
    }

    /// Registers a tensor whose values `value(draws)` gives one by one; `draws` is this parameter's own stream.
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

    /// True when no number is infinite or not a number, running statistics included. One host read.
    pub fn are_finite(&self) -> bool {
        self.times_zero().double_value(&[]) == 0.0
    }

    /// The sum of all numbers, each times zero: 0, or NaN where one is not finite. A scalar on the device.
    pub fn times_zero(&self) -> Tensor {
        let _guard = tch::no_grad_guard();
        if self.list.is_empty() {
            return Tensor::from(0.0f32).to_device(self.device);
        }
        let tensors: Vec<&Tensor> = self.list.iter().map(|parameter| &parameter.tensor).collect();
        // x·0 turns every finite number into 0 and keeps the others; a sum is finite only if each term is.
        (lists::largest(&tensors) * 0.0).sum(Kind::Float)
    }
}
