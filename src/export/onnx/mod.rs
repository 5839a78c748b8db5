//! ONNX, for onnxruntime and whatever else runs such graphs: a writer and, for reading back, a reader of its own.
//!
//! The graph takes `images`, float32 of 0–255 `[batch, c, size, size]`, normalises them inside and gives `logits`
//! `[batch, classes]`, and with `--calibrated` also `probabilities`, the softmax of the logits divided by the
//! temperature that was fitted on val. The batch may have any size; the images have the size of the training, on which
//! the network's figures hold. Weights are initialisers under torchvision's names, and batch norms are nodes of their
//! own: a runtime folds them into the convolutions when it loads the file. The metadata hold `mindgap.json`, the
//! [`Description`](crate::model::Description), `classes.json` and `recipe.toml`.
//!
//! Source of formats and operators: <https://github.com/onnx/onnx>, `docs/IR.md` and `docs/Operators.md`.

mod graph;
mod operator;
mod proto;
mod sketch;
#[cfg(test)]
mod tests;
mod write;

pub use graph::Graph;
pub use write::to_onnx;

/// The version of the operators that the graph uses: onnxruntime reads it since 1.12 (2022).
const OPERATORS: i64 = 17;
/// The version of the file format that came with them.
const FORMAT: i64 = 8;

/// The input's name.
const IMAGES: &str = "images";
/// The outputs' names.
const LOGITS: &str = "logits";
const PROBABILITIES: &str = "probabilities";
