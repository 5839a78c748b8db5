//! Writes trained networks as safetensors, TorchScript and ONNX files, and reads such files back.

mod classifier;
mod comparison;
mod file_format;
mod hosted;
mod model;
mod onnx;
mod torchscript;

pub use classifier::Classifier;
pub use comparison::{BATCHES, OutputDifference};
pub use file_format::{FileFormat, Variant};
pub use hosted::{Hosted, Limits, serve};
pub use model::Model;
use onnx::{Graph, to_onnx};
use torchscript::{Script, to_torchscript};
