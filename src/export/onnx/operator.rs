//! The operators in mindgap's ONNX graphs: read from nodes, and computed by libtorch.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use tch::{Kind, Tensor};

use super::proto::{AttributeProto, FLOAT, FLOAT_ATTRIBUTE, FLOAT16, INT_ATTRIBUTE, INTS_ATTRIBUTE, NodeProto};

/// The largest kernel and stride that are accepted \[pixels\].
const WINDOW_AT_MOST: i64 = 64;

/// The operator of a node.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Operator {
    Convolution(Window),
    BatchNorm {
        epsilon: f64,
    },
    Relu,
    Add,
    Multiply,
    Divide,
    MaxPool(Window),
    /// A mean that does not count padding; with `ceil` a window may reach beyond the edge.
    AveragePool {
        window: Window,
        ceil: bool,
    },
    Sigmoid,
    GlobalMean,
    Flatten,
    Linear,
    Cast(Kind),
    Softmax,
}

/// A window that moves over an image; height, then width \[pixels\].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Window {
    kernel: [i64; 2],
    padding: [i64; 2],
    stride: [i64; 2],
}

impl Operator {
    /// The operator of `node`.
    /// Fails if the operator is not among mindgap's, its inputs are too many or too few, or an attribute is wrong.
    pub fn read(node: &NodeProto) -> Result<Self> {
        ensure!(node.domain.is_empty(), "an operator of {}", node.domain);
        let mut attributes = Attributes(node.attribute.iter().map(|one| (one.name.as_str(), one)).collect());
        let (operator, inputs) = match node.op_type.as_str() {
            // With a bias or without.
            "Conv" => (Self::Convolution(attributes.window()?), node.input.len().clamp(2, 3)),
            "BatchNormalization" => (Self::BatchNorm { epsilon: f64::from(attributes.float("epsilon")?) }, 5),
            "Relu" => (Self::Relu, 1),
            "Add" => (Self::Add, 2),
            "Mul" => (Self::Multiply, 2),
            "Div" => (Self::Divide, 2),
            "MaxPool" => (Self::MaxPool(attributes.window()?), 1),
            "AveragePool" => {
                let window = attributes.window()?;
                let ceil = attributes.int("ceil_mode")?;
                ensure!((0..=1).contains(&ceil), "its ceil_mode is {ceil}");
                (Self::AveragePool { window, ceil: ceil == 1 }, 1)
            }
            "Sigmoid" => (Self::Sigmoid, 1),
            "GlobalAveragePool" => (Self::GlobalMean, 1),
            "Flatten" => (Self::Flatten, 1),
            "Gemm" => {
                ensure!(attributes.int("transB")? == 1, "its weight is not [outputs, inputs]");
                (Self::Linear, 3)
            }
            "Cast" => match attributes.int("to")? {
                to if to == i64::from(FLOAT) => (Self::Cast(Kind::Float), 1),
                to if to == i64::from(FLOAT16) => (Self::Cast(Kind::Half), 1),
                other => bail!("a conversion to type {other}"),
            },
            "Softmax" => {
                ensure!(attributes.int("axis")? == 1, "it is not over the classes");
                (Self::Softmax, 1)
            }
            other => bail!("the operator {other:?} is none of those that mindgap writes"),
        };
        ensure!(node.input.len() == inputs, "it has {} inputs instead of {inputs}", node.input.len());
        attributes.end()?;
        Ok(operator)
    }

    /// Computes the operator on as many inputs as [`Operator::read`] has checked.
    /// Fails if the shapes do not match. An exception of libtorch is a panic, as everywhere with tch.
    pub fn apply(self, inputs: &[&Tensor]) -> Result<Tensor> {
        Ok(match (self, inputs) {
            (Self::Convolution(Window { kernel, padding, stride }), &[x, weight, ref bias @ ..]) => {
                let size = weight.size();
                ensure!(size.len() == 4 && size[2..] == kernel, "its weight has the shape {size:?}");
                x.conv2d(weight, bias.first().copied(), stride, padding, [1, 1], 1)
            }
            (Self::BatchNorm { epsilon }, &[x, weight, bias, mean, var]) => {
                x.batch_norm(Some(weight), Some(bias), Some(mean), Some(var), false, 0.0, epsilon, true)
            }
            (Self::Relu, &[x]) => x.relu(),
            // The second input is expanded to the first one's shape, so that no damaged file can make a result far
            // larger than its inputs.
            (Self::Add, &[x, y]) => x + y.expand_as(x),
            (Self::Multiply, &[x, y]) => x * y.expand_as(x),
            (Self::Divide, &[x, y]) => x / y.expand_as(x),
            (Self::MaxPool(Window { kernel, padding, stride }), &[x]) => {
                x.max_pool2d(kernel, stride, padding, [1, 1], false)
            }
            (Self::AveragePool { window: Window { kernel, padding, stride }, ceil }, &[x]) => {
                x.avg_pool2d(kernel, stride, padding, ceil, false, None)
            }
            (Self::Sigmoid, &[x]) => x.sigmoid(),
            (Self::GlobalMean, &[x]) => x.mean_dim([2i64, 3].as_slice(), true, None),
            (Self::Flatten, &[x]) => x.flatten(1, -1),
            (Self::Linear, &[x, weight, bias]) => {
                ensure!(x.dim() == 2 && weight.dim() == 2, "it is no product of two matrices");
                x.linear(weight, Some(bias))
            }
            (Self::Cast(kind), &[x]) => x.to_kind(kind),
            (Self::Softmax, &[x]) => x.softmax(1, None),
            (operator, inputs) => bail!("{operator:?} of {} inputs", inputs.len()),
        })
    }
}

/// The attributes of a node that have not been read yet, by name.
struct Attributes<'a>(BTreeMap<&'a str, &'a AttributeProto>);

impl<'a> Attributes<'a> {
    fn take(&mut self, name: &str, kind: i32) -> Result<&'a AttributeProto> {
        let attribute = self.0.remove(name).with_context(|| format!("its {name} is missing"))?;
        ensure!(attribute.r#type == kind, "its {name} has another type");
        Ok(attribute)
    }

    fn float(&mut self, name: &str) -> Result<f32> {
        Ok(self.take(name, FLOAT_ATTRIBUTE)?.f)
    }

    fn int(&mut self, name: &str) -> Result<i64> {
        Ok(self.take(name, INT_ATTRIBUTE)?.i)
    }

    fn ints<const N: usize>(&mut self, name: &str) -> Result<[i64; N]> {
        let ints = &self.take(name, INTS_ATTRIBUTE)?.ints;
        ints.as_slice().try_into().with_context(|| format!("its {name} has {} numbers instead of {N}", ints.len()))
    }

    fn window(&mut self) -> Result<Window> {
        let (kernel, stride) = (self.ints::<2>("kernel_shape")?, self.ints::<2>("strides")?);
        let [top, left, bottom, right] = self.ints("pads")?;
        ensure!(top == bottom && left == right, "it is padded on one side more than on the other");
        let padding = [top, left];
        let possible = 1..=WINDOW_AT_MOST;
        ensure!(
            kernel.iter().chain(&stride).all(|length| possible.contains(length)),
            "its window is too large or empty"
        );
        ensure!((0..2).all(|side| (0..=kernel[side] / 2).contains(&padding[side])), "its padding is out of range");
        Ok(Window { kernel, padding, stride })
    }

    /// Fails if an attribute is left that was not read, since it could change the meaning of the node.
    fn end(self) -> Result<()> {
        match self.0.into_keys().next() {
            None => Ok(()),
            Some(unknown) => bail!("its attribute {unknown:?} is unknown"),
        }
    }
}
