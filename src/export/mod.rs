//! The trained network leaves: as safetensors, as TorchScript, as ONNX; and whatever was written is read back
//! elsewhere.

mod classifier;
mod comparison;
mod form;
mod hosted;
mod model;
mod onnx;
mod torchscript;

pub use classifier::Classifier;
pub use comparison::{BATCHES, OutputDifference};
pub use form::{Form, Variant};
pub use hosted::{Hosted, Limits, serve};
pub use model::Model;
pub use onnx::{Graph, to_onnx};
pub use torchscript::{Script, to_torchscript};
