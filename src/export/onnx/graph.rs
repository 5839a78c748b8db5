//! Reads an ONNX file that mindgap wrote and computes its graph. An export compares the outputs with the network's.

use std::{
    collections::{HashMap, HashSet},
    fs,
    path::Path,
};

use anyhow::{Context, Result, bail, ensure};
use prost::Message;
use tch::{Device, Kind, Tensor};

use super::{
    FORMAT, IMAGES, LOGITS, OPERATORS,
    operator::Operator,
    proto::{FLOAT, FLOAT16, GraphProto, Length, ModelProto, NodeProto, TensorProto, ValueInfoProto},
};
use crate::{export::Model, model::Description, torch};

/// A graph of named tensors and the nodes that turn images into logits.
#[derive(Debug)]
pub struct Graph {
    description: Option<Description>,
    tensors: HashMap<String, Tensor>,
    nodes: Vec<Node>,
    images: Vec<Option<i64>>,
    logits: Vec<Option<i64>>,
    device: Device,
}

/// A step of the graph. Its inputs are initialisers, the images or the outputs of earlier nodes.
#[derive(Debug)]
struct Node {
    name: String,
    operator: Operator,
    inputs: Vec<String>,
    output: String,
    /// The values that no later node needs.
    spent: Vec<String>,
}

impl Graph {
    /// Reads a file onto `device`.
    /// Fails if it cannot be read, is no ONNX file, or holds something that mindgap does not write.
    pub fn read(path: &Path, device: Device) -> Result<Self> {
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::from_bytes(&bytes, device).with_context(|| format!("cannot use {}", path.display()))
    }

    /// Reads the bytes of a file onto `device`.
    /// Fails if the bytes are no ONNX file, or hold something that mindgap does not write.
    pub fn from_bytes(bytes: &[u8], device: Device) -> Result<Self> {
        let ModelProto { ir_version, opset_import, graph, metadata_props, .. } =
            ModelProto::decode(bytes).context("it is no ONNX file, or was cut short")?;
        ensure!(ir_version == FORMAT, "its format has version {ir_version} instead of {FORMAT}");
        ensure!(
            opset_import.iter().all(|set| set.domain.is_empty() && set.version == OPERATORS) && opset_import.len() == 1,
            "its operators are not those of version {OPERATORS}"
        );
        let about = metadata_props.iter().find(|entry| entry.key == Description::FILE);
        let description = about.map(|entry| Description::from_json(&entry.value)).transpose()?;
        let GraphProto { node, initializer, input, output, .. } = graph.context("it has no graph")?;

        let images = shape_of(IMAGES, &input)?;
        ensure!(input.len() == 1, "it has {} inputs instead of one", input.len());
        let logits = shape_of(LOGITS, &output)?;
        let mut tensors = HashMap::new();
        for proto in initializer {
            let tensor = tensor(&proto).with_context(|| format!("tensor {:?}", proto.name))?.to_device(device);
            let twice = tensors.insert(proto.name.clone(), tensor).is_some();
            ensure!(!twice && proto.name != IMAGES, "the name {:?} is used twice", proto.name);
        }
        let nodes = nodes(node, &tensors)?;
        Ok(Self { description, tensors, nodes, images, logits, device })
    }

    /// The output `wanted` of the graph for images `[n, c, h, w]`.
    pub(super) fn value(&self, wanted: &str, images: &Tensor) -> Result<Tensor> {
        let _guard = tch::no_grad_guard();
        ensure!(fits(&self.images, &images.size()), "images of {:?}, expected {:?}", images.size(), self.images);
        torch::catch(|| {
            let images = images.to_device(self.device).to_kind(Kind::Float);
            let mut values = HashMap::from([(IMAGES, images)]);
            for node in &self.nodes {
                let find = |name: &String| self.tensors.get(name).or_else(|| values.get(name.as_str()));
                let inputs: Option<Vec<_>> = node.inputs.iter().map(find).collect();
                let inputs = inputs.with_context(|| format!("node {:?} lacks an input", node.name))?;
                let output = node.operator.apply(&inputs).with_context(|| format!("node {:?}", node.name))?;
                if node.output == wanted {
                    return Ok(output);
                }
                node.spent.iter().for_each(|name| drop(values.remove(name.as_str())));
                values.insert(&node.output, output);
            }
            bail!("no node gives {wanted}")
        })
    }
}

impl Model for Graph {
    fn description(&self) -> Option<&Description> {
        self.description.as_ref()
    }

    fn logits(&self, images: &Tensor) -> Result<Tensor> {
        let logits = self.value(LOGITS, images)?;
        ensure!(fits(&self.logits, &logits.size()), "logits of {:?}, expected {:?}", logits.size(), self.logits);
        ensure!(logits.kind() == Kind::Float, "logits of {:?} instead of float32", logits.kind());
        Ok(logits)
    }
}

/// The nodes in the file's order, in which each must come after the nodes that compute its inputs.
fn nodes(protos: Vec<NodeProto>, tensors: &HashMap<String, Tensor>) -> Result<Vec<Node>> {
    let mut known: HashSet<String> = tensors.keys().cloned().chain([IMAGES.to_owned()]).collect();
    let mut nodes = Vec::new();
    for proto in protos {
        let operator = Operator::read(&proto).with_context(|| format!("node {:?}", proto.name))?;
        let NodeProto { input: inputs, output, name, .. } = proto;
        let missing = inputs.iter().find(|input| !known.contains(*input));
        ensure!(
            missing.is_none(),
            "node {name:?} needs {:?}, which nothing gives",
            missing.cloned().unwrap_or_default()
        );
        let [output] = <[String; 1]>::try_from(output)
            .map_err(|all| anyhow::anyhow!("node {name:?} has {} outputs instead of one", all.len()))?;
        ensure!(known.insert(output.clone()), "the name {output:?} is used twice");
        nodes.push(Node { name, operator, inputs, output, spent: vec![] });
    }
    let mut needed: HashSet<String> = HashSet::new();
    for node in nodes.iter_mut().rev() {
        node.spent = node.inputs.iter().filter(|input| needed.insert((*input).clone())).cloned().collect();
    }
    Ok(nodes)
}

/// The lengths of the dimensions of the float32 value `name` in a list of inputs or outputs; `None` stands for any
/// length.
fn shape_of(name: &str, values: &[ValueInfoProto]) -> Result<Vec<Option<i64>>> {
    let value = values.iter().find(|value| value.name == name).with_context(|| format!("it has no {name}"))?;
    let tensor = value.r#type.as_ref().and_then(|value| value.tensor_type.as_ref());
    let tensor = tensor.filter(|tensor| tensor.elem_type == FLOAT).with_context(|| format!("{name} is not float32"))?;
    let shape = tensor.shape.as_ref().with_context(|| format!("{name} has no shape"))?;
    let lengths = shape.dim.iter().map(|dimension| match dimension.value {
        Some(Length::Value(length)) => Some(length),
        Some(Length::Parameter(_)) | None => None,
    });
    Ok(lengths.collect())
}

fn fits(expected: &[Option<i64>], shape: &[i64]) -> bool {
    expected.len() == shape.len()
        && expected.iter().zip(shape).all(|(one, length)| one.is_none_or(|one| one == *length))
}

/// An initialiser as a tensor on the host, after a check that its bytes match its shape.
fn tensor(proto: &TensorProto) -> Result<Tensor> {
    let TensorProto { dims, data_type, raw_data, .. } = proto;
    let (kind, element) = match *data_type {
        FLOAT => (Kind::Float, 4),
        FLOAT16 => (Kind::Half, 2),
        other => bail!("its numbers have type {other}, which mindgap does not write"),
    };
    let bytes = dims.iter().try_fold(element, |product: usize, &length| {
        product.checked_mul(usize::try_from(length).ok().filter(|&length| length > 0)?)
    });
    ensure!(
        dims.len() <= 4 && bytes == Some(raw_data.len()),
        "{} bytes are no numbers of shape {dims:?}",
        raw_data.len()
    );
    Ok(Tensor::f_from_data_size(raw_data, dims, kind)?)
}
