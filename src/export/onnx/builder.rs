//! A builder of ONNX graphs, with the operators of a ResNet as methods.

use anyhow::{Result, bail};
use safetensors::Dtype;
use tch::Tensor;

use super::proto::{AttributeProto, FLOAT, FLOAT16, GraphProto, NodeProto, TensorProto};
use crate::model::{ConvSpec, weights};

/// A graph to which nodes and tensors are added. A method that adds a node returns the name of its output, which is the
/// name of the node unless its documentation says otherwise.
#[derive(Default)]
pub(super) struct GraphBuilder {
    pub graph: GraphProto,
}

impl GraphBuilder {
    /// Adds an initialiser, which is ONNX's term for a constant tensor.
    pub fn tensor(&mut self, name: &str, tensor: &Tensor) -> Result<()> {
        let array = weights::to_array(name, tensor)?;
        let data_type = match array.dtype {
            Dtype::F32 => FLOAT,
            Dtype::F16 => FLOAT16,
            other => bail!("{name} is {other:?}, and the graph computes in float"),
        };
        let dims = array.shape.iter().map(|&length| length as i64).collect();
        self.graph.initializer.push(TensorProto { dims, data_type, name: array.name, raw_data: array.bytes });
        Ok(())
    }

    /// Adds a node without attributes.
    pub fn node(&mut self, operator: &str, name: &str, inputs: &[&str]) -> String {
        self.node_with(operator, name, name, inputs, vec![])
    }

    /// Adds a convolution of `spec`, with the tensor `name.weight`, padded so that stride 1 keeps the size.
    pub fn convolution(&mut self, name: &str, x: &str, spec: &ConvSpec) -> String {
        let inputs = [x, &format!("{name}.weight")];
        self.node_with("Conv", name, name, &inputs, window(spec.kernel, spec.stride, spec.kernel / 2))
    }

    /// Adds a 1×1 convolution with the tensors `name.weight` and `name.bias`.
    pub fn pointwise(&mut self, name: &str, x: &str) -> String {
        let inputs = [x, &format!("{name}.weight"), &format!("{name}.bias")];
        self.node_with("Conv", name, name, &inputs, window(1, 1, 0))
    }

    /// Adds a batch norm with the tensors that PyTorch has under `name`.
    pub fn norm(&mut self, name: &str, x: &str) -> String {
        let tensors = ["weight", "bias", "running_mean", "running_var"].map(|leaf| format!("{name}.{leaf}"));
        let inputs: Vec<&str> = [x].into_iter().chain(tensors.iter().map(String::as_str)).collect();
        self.node_with("BatchNormalization", name, name, &inputs, vec![AttributeProto::float("epsilon", 1e-5)])
    }

    /// Adds a max-pool of 3×3 pixels.
    pub fn max_pool(&mut self, name: &str, x: &str, stride: i64) -> String {
        self.node_with("MaxPool", name, name, &[x], window(3, stride, 1))
    }

    /// Adds an average pool of 2×2 pixels that does not count padding. With `ceil` a window may reach beyond the edge.
    pub fn average_pool(&mut self, name: &str, x: &str, stride: i64, padding: i64, ceil: bool) -> String {
        let mut attributes = window(2, stride, padding);
        attributes.push(AttributeProto::int("ceil_mode", i64::from(ceil)));
        self.node_with("AveragePool", name, name, &[x], attributes)
    }

    /// Adds the blur of stride 2, as the network computes it: two means of 2×2 pixels.
    pub fn blur(&mut self, name: &str, x: &str) -> String {
        let means = self.average_pool(&format!("{name}.means"), x, 1, 0, false);
        self.average_pool(name, &means, 2, 1, false)
    }

    /// Adds the linear classifier `name` with its `weight` and `bias`, whose output is called `output`.
    pub fn linear(&mut self, name: &str, x: &str, output: &str) -> String {
        let inputs = [x, &format!("{name}.weight"), &format!("{name}.bias")];
        self.node_with("Gemm", name, output, &inputs, vec![AttributeProto::int("transB", 1)])
    }

    /// Adds a conversion to numbers of type `to`.
    pub fn cast(&mut self, name: &str, x: &str, to: i32) -> String {
        self.node_with("Cast", name, name, &[x], vec![AttributeProto::int("to", i64::from(to))])
    }

    /// Adds a softmax over the classes.
    pub fn softmax(&mut self, name: &str, x: &str) -> String {
        self.node_with("Softmax", name, name, &[x], vec![AttributeProto::int("axis", 1)])
    }

    fn node_with(
        &mut self,
        operator: &str,
        name: &str,
        output: &str,
        inputs: &[&str],
        attribute: Vec<AttributeProto>,
    ) -> String {
        self.graph.node.push(NodeProto {
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            output: vec![output.to_owned()],
            name: name.to_owned(),
            op_type: operator.to_owned(),
            attribute,
            domain: String::new(),
        });
        output.to_owned()
    }
}

/// The attributes of an operator that moves a square window over an image.
fn window(kernel: i64, stride: i64, padding: i64) -> Vec<AttributeProto> {
    vec![
        AttributeProto::ints("kernel_shape", &[kernel; 2]),
        AttributeProto::ints("pads", &[padding; 4]),
        AttributeProto::ints("strides", &[stride; 2]),
    ]
}
