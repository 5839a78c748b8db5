//! The file formats of exported networks.

use std::path::Path;

use anyhow::{Result, ensure};

use super::{Classifier, Variant, to_onnx, to_torchscript};

/// A file format for trained networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum FileFormat {
    /// A TorchScript module, for Python, C++ and mobile programs on libtorch
    Torchscript,
    /// The weights only, under torchvision's names
    Safetensors,
    /// A graph with the weights in it, for onnxruntime and other runtimes
    Onnx,
}

impl FileFormat {
    /// The ending of such files' names.
    pub fn ending(self) -> &'static str {
        match self {
            FileFormat::Torchscript => ".pt",
            FileFormat::Safetensors => ".safetensors",
            FileFormat::Onnx => ".onnx",
        }
    }

    /// The format that the extension of a file's name stands for.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "pt" | "pth" | "ts" => Some(FileFormat::Torchscript),
            "safetensors" => Some(FileFormat::Safetensors),
            "onnx" => Some(FileFormat::Onnx),
            _ => None,
        }
    }

    /// The bytes of `classifier` in this format.
    ///
    /// # Errors
    /// The format does not support the variant, or libtorch throws an exception.
    pub fn encode(self, classifier: &Classifier, variant: Variant) -> Result<Vec<u8>> {
        match self {
            FileFormat::Torchscript => to_torchscript(classifier, variant),
            FileFormat::Safetensors => {
                ensure!(
                    !variant.calibrated,
                    "`Variant::calibrated` changes the probabilities that a file computes, and a safetensors file holds weights only; \
                     its metadata have the temperature"
                );
                classifier.to_archive(variant.half)?.to_bytes()
            }
            FileFormat::Onnx => to_onnx(classifier, variant),
        }
    }
}
