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
    model::{Architecture, BlockSpec, Description, ShortcutSpec},
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
    x = stem(&mut builder, &classifier.architecture, &x);
    for spec in classifier.architecture.blocks().concat() {
        x = block(&mut builder, &spec, &x);
    }
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
fn stem(builder: &mut GraphBuilder, architecture: &Architecture, x: &str) -> String {
    let mut x = x.to_owned();
    for layer in architecture.stem_layers() {
        x = builder.convolution(&layer.conv, &x, &layer);
        x = builder.norm(&layer.norm, &x);
        let name = if layer.norm == "bn1" { "relu".to_owned() } else { format!("{}.relu", layer.norm) };
        x = builder.node("Relu", &name, &[&x]);
    }
    match architecture.stem {
        Stem::Imagenet if architecture.blur_pool => {
            x = builder.max_pool("maxpool", &x, 1);
            builder.blur("maxpool.blur", &x)
        }
        Stem::Imagenet => builder.max_pool("maxpool", &x, 2),
        Stem::Small => x,
    }
}

/// Adds a residual block, relu(main(x) + skip(x)).
fn block(builder: &mut GraphBuilder, spec: &BlockSpec, x: &str) -> String {
    let name = |leaf: &str| format!("{}.{leaf}", spec.path);
    let mut y = x.to_owned();
    for (number, layer) in (1..).zip(&spec.main) {
        y = builder.convolution(&name(&layer.conv), &y, layer);
        y = builder.norm(&name(&layer.norm), &y);
        if number < spec.main.len() {
            y = builder.node("Relu", &name(&format!("relu{number}")), &[&y]);
        }
        if layer.blur {
            y = builder.blur(&name(&format!("blur{number}")), &y);
        }
    }
    if spec.squeezed.is_some() {
        let mut gates = builder.node("GlobalAveragePool", &name("se.mean"), &[&y]);
        gates = builder.pointwise(&name("se.fc1"), &gates);
        gates = builder.node("Relu", &name("se.relu"), &[&gates]);
        gates = builder.pointwise(&name("se.fc2"), &gates);
        gates = builder.node("Sigmoid", &name("se.gates"), &[&gates]);
        y = builder.node("Mul", &name("se"), &[&y, &gates]);
    }
    let mut skip = x.to_owned();
    if let Some(ShortcutSpec { pool, conv }) = &spec.shortcut {
        if *pool {
            skip = builder.average_pool(&name("downsample.0"), &skip, 2, 0, true);
        }
        skip = builder.convolution(&name(&conv.conv), &skip, conv);
        skip = builder.norm(&name(&conv.norm), &skip);
    }
    y = builder.node("Add", &name("add"), &[&y, &skip]);
    builder.node("Relu", &name("relu"), &[&y])
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
