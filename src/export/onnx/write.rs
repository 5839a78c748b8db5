//! Writes a network as the bytes of an ONNX file.

use anyhow::{Context, Result, ensure};
use prost::Message;
use tch::{Kind, Tensor};

use super::{
    FORMAT, IMAGES, LOGITS, OPERATORS, PROBABILITIES,
    builder::GraphBuilder,
    proto::{FLOAT, FLOAT16, ModelProto, OperatorSetIdProto, StringStringEntryProto, ValueInfoProto},
};
use crate::{
    augment::Normalize,
    export::{Classifier, Variant},
    model::Description,
    recipe::Stem,
};

/// The bytes of an ONNX file of `classifier`; the module `onnx` documents its contents. With `half` the weights and the
/// computations between normalisation and logits are float16; input and outputs stay float32. PyTorch's counters of
/// batches, which only training uses, are left out.
/// Fails if no temperature was fitted for `calibrated`, and if the network is too large for the format.
pub fn to_onnx(classifier: &Classifier, variant: Variant) -> Result<Vec<u8>> {
    let about = &classifier.description;
    let mut builder = GraphBuilder::default();
    builder.graph.name = about.recipe()?.model;
    let (size, classes) = (i64::from(about.size), about.classes.len() as i64);
    builder.graph.input = vec![ValueInfoProto::batch_of(IMAGES, &[i64::from(about.channels), size, size])];
    builder.graph.output = vec![ValueInfoProto::batch_of(LOGITS, &[classes])];

    let kind = if variant.half { Kind::Half } else { Kind::Float };
    for parameter in classifier.network.parameters.all() {
        builder.tensor(&parameter.name, &parameter.tensor.to_kind(kind))?;
    }
    let mut x = normalize(&mut builder, about)?;
    if variant.half {
        x = builder.cast("to_half", &x, FLOAT16);
    }
    x = stem(&mut builder, classifier, &x);
    x = blocks(&mut builder, classifier, &x);
    x = builder.node("GlobalAveragePool", "avgpool", &[&x]);
    x = builder.node("Flatten", "flatten", &[&x]);
    if variant.half {
        x = builder.linear("fc", &x, "fc");
        builder.cast(LOGITS, &x, FLOAT);
    } else {
        builder.linear("fc", &x, LOGITS);
    }
    if variant.calibrated {
        let temperature = about.temperature.context("no temperature was fitted for this network")?;
        builder.tensor("temperature", &Tensor::from(temperature as f32))?;
        x = builder.node("Div", "calibrated", &[LOGITS, "temperature"]);
        builder.softmax(PROBABILITIES, &x);
        builder.graph.output.push(ValueInfoProto::batch_of(PROBABILITIES, &[classes]));
    }
    encode(builder, about)
}

/// Adds `(x / 255 − mean) / std` as one multiplication and one addition.
fn normalize(builder: &mut GraphBuilder, about: &Description) -> Result<String> {
    let (scale, shift) = Normalize::factors(&about.mean, &about.std);
    builder.tensor("normalize.scale", &Tensor::from_slice(&scale).view([1, -1, 1, 1]))?;
    builder.tensor("normalize.shift", &Tensor::from_slice(&shift).view([1, -1, 1, 1]))?;
    let scaled = builder.node("Mul", "scaled", &[IMAGES, "normalize.scale"]);
    Ok(builder.node("Add", "normalized", &[&scaled, "normalize.shift"]))
}

/// Adds the first layers.
fn stem(builder: &mut GraphBuilder, classifier: &Classifier, x: &str) -> String {
    let (kernel, stride) = classifier.architecture.stem_convolution();
    let y = builder.convolution("conv1", x, kernel, stride);
    let y = builder.norm("bn1", &y);
    let y = builder.node("Relu", "relu", &[&y]);
    match classifier.architecture.stem {
        Stem::Imagenet => builder.max_pool("maxpool", &y, 3, 2),
        Stem::Small => y,
    }
}

/// Adds the residual blocks, each relu(main(x) + skip(x)).
fn blocks(builder: &mut GraphBuilder, classifier: &Classifier, x: &str) -> String {
    let kind = classifier.architecture.block;
    let mut x = x.to_owned();
    for (stage, blocks) in (1..).zip(classifier.architecture.blocks()) {
        for (block, (inputs, width, stride)) in blocks.into_iter().enumerate() {
            let name = |leaf: &str| format!("layer{stage}.{block}.{leaf}");
            let convolutions = kind.convolutions(inputs, width, stride);
            let mut y = x.clone();
            for (number, (_, _, kernel, stride)) in (1..).zip(&convolutions) {
                y = builder.convolution(&name(&format!("conv{number}")), &y, *kernel, *stride);
                y = builder.norm(&name(&format!("bn{number}")), &y);
                if number < convolutions.len() {
                    y = builder.node("Relu", &name(&format!("relu{number}")), &[&y]);
                }
            }
            if stride != 1 || inputs != kind.outputs(width) {
                x = builder.convolution(&name("downsample.0"), &x, 1, stride);
                x = builder.norm(&name("downsample.1"), &x);
            }
            y = builder.node("Add", &name("add"), &[&y, &x]);
            x = builder.node("Relu", &name("relu"), &[&y]);
        }
    }
    x
}

/// The bytes of the file with this graph.
fn encode(builder: GraphBuilder, about: &Description) -> Result<Vec<u8>> {
    let entry = |key: &str, value: String| StringStringEntryProto { key: key.to_owned(), value };
    let model = ModelProto {
        ir_version: FORMAT,
        producer_name: env!("CARGO_PKG_NAME").to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        graph: Some(builder.graph),
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPERATORS }],
        metadata_props: vec![
            entry(Description::FILE, about.to_json()),
            entry("classes.json", serde_json::to_string(&about.classes)?),
            entry("recipe.toml", about.recipe.clone()),
        ],
    };
    let bytes = model.encoded_len();
    // Protocol buffers are limited to 2 GB.
    ensure!(
        bytes <= i32::MAX as usize,
        "the network takes {:.1} GB, and an ONNX file holds 2 GB: use `Variant::half`, or write safetensors",
        bytes as f64 / 1e9
    );
    Ok(model.encode_to_vec())
}
