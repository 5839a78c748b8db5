//! Writes trained networks as safetensors, TorchScript and ONNX files, and reads such files back.

mod classifier;
mod comparison;
mod file_format;
mod hosted;
mod onnx;
#[cfg(test)]
mod tests;
mod torchscript;
mod variant;

pub use classifier::{Classifier, Model};
pub use comparison::{BATCHES, OutputDifference};
pub use file_format::FileFormat;
pub use hosted::{Hosted, InputNormalisation, Limits, open, serve};
use onnx::{Graph, to_onnx};
use torchscript::{Script, to_torchscript};
pub use variant::Variant;
