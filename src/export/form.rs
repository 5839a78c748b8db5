//! The forms in which a network is written.

use std::path::Path;

use anyhow::{Result, ensure};

use super::{Classifier, to_onnx, to_torchscript};

/// A file format for trained networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// A TorchScript module, for Python, C++ and mobile programs on libtorch
    Torchscript,
    /// The weights alone, under torchvision's names
    Safetensors,
    /// A graph with the weights in it, for onnxruntime and its like
    Onnx,
}

/// What is written beside or instead of plain float32 weights.
#[derive(Clone, Copy, Debug, Default)]
pub struct Variant {
    /// Numbers of half precision.
    pub half: bool,
    /// Probabilities are computed with the temperature that was fitted on val.
    pub calibrated: bool,
}

impl Form {
    /// How the names of such files end.
    pub fn ending(self) -> &'static str {
        match self {
            Form::Torchscript => ".pt",
            Form::Safetensors => ".safetensors",
            Form::Onnx => ".onnx",
        }
    }

    /// The form that a file's name stands for.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "pt" | "pth" | "ts" => Some(Form::Torchscript),
            "safetensors" => Some(Form::Safetensors),
            "onnx" => Some(Form::Onnx),
            _ => None,
        }
    }

    /// The bytes of `classifier` in this form.
    ///
    /// # Errors
    /// The variant is not possible, or an exception of libtorch.
    pub fn encode(self, classifier: &Classifier, variant: Variant) -> Result<Vec<u8>> {
        match self {
            Form::Torchscript => to_torchscript(classifier, variant.half, variant.calibrated),
            Form::Safetensors => {
                ensure!(
                    !variant.calibrated,
                    "--calibrated changes what a module's predict() gives, and safetensors hold weights alone; their \
                     metadata carry the temperature"
                );
                classifier.to_archive(variant.half)?.to_bytes()
            }
            Form::Onnx => to_onnx(classifier, variant),
        }
    }
}
