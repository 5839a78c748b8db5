//! ONNX, for onnxruntime and other runtimes: a writer, and an interpreter that reads the file back and computes it.
//!
//! The graph takes `images`, float32 of 0–255 `[batch, c, size, size]`, normalises them and gives `logits`
//! `[batch, classes]`. A calibrated graph also gives `probabilities`, the softmax of the logits divided by the
//! temperature that was fitted on val. The batch may have any size; the images must have the size of the training
//! images, for which the network's figures hold. Weights are initialisers with torchvision's names, and batch norms are
//! separate nodes, which a runtime folds into the convolutions when it loads the file. The metadata hold `mindgap.json`
//! with the [`Description`](crate::model::Description), `classes.json` and `recipe.toml`.
//!
//! The interpreter is mindgap's own since no small runtime reads all files; `docs/export.md` has the comparison.
//!
//! Source of formats and operators: <https://github.com/onnx/onnx>, `docs/IR.md` and `docs/Operators.md`.

mod builder;
mod graph;
mod operator;
mod proto;
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
