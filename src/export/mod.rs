//! The trained network leaves: as safetensors, as TorchScript; and whatever was written is read back elsewhere.

mod classifier;
mod comparison;
mod form;
mod hosted;
mod model;
mod torchscript;

pub use classifier::Classifier;
pub use comparison::{BATCHES, Difference};
pub use form::{Form, Variant};
pub use hosted::{Hosted, Limits, serve};
pub use model::Model;
pub use torchscript::{Script, to_torchscript};
