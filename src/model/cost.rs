//! The cost of a network: its parameters, and its multiply-adds for an image.

use super::{architecture::Architecture, spec::ConvSpec};
use crate::recipe::Stem;

/// The cost of a network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModelCost {
    /// The number of weights, biases, and norm scales and shifts.
    pub parameters: u64,
    /// Multiply-adds of the convolutions, the squeeze-and-excitation layers and the classifier in the forward pass of
    /// one image. Norms and poolings are left out.
    pub multiply_adds: u64,
}

impl Architecture {
    /// The cost for images of `size` × `size` pixels.
    pub fn cost(&self, size: u32) -> ModelCost {
        let mut cost = ModelCost::default();
        let mut size = i64::from(size);
        for conv in self.stem_layers() {
            size = cost.convolve(&conv, size);
        }
        if self.stem == Stem::Imagenet {
            size = halved(size);
        }
        for block in self.blocks().concat() {
            if let Some(shortcut) = &block.shortcut {
                cost.convolve(&shortcut.conv, if shortcut.pool { halved(size) } else { size });
            }
            for conv in &block.main {
                size = cost.convolve(conv, size);
            }
            if let Some(squeezed) = block.squeezed {
                cost.connect(block.outputs(), squeezed);
                cost.connect(squeezed, block.outputs());
            }
        }
        cost.connect(self.features(), self.classes);
        cost
    }
}

impl ModelCost {
    /// Adds a convolution on maps of `size` × `size` pixels, and its norm with a scale and a shift for each channel.
    /// Returns the size of the output.
    fn convolve(&mut self, conv: &ConvSpec, size: i64) -> i64 {
        let size = (size + conv.stride - 1) / conv.stride;
        let weights = (conv.inputs * conv.outputs * conv.kernel * conv.kernel) as u64;
        self.parameters += weights + 2 * conv.outputs as u64;
        self.multiply_adds += weights * (size * size) as u64;
        if conv.blur { halved(size) } else { size }
    }

    /// Adds a linear layer with biases.
    fn connect(&mut self, inputs: i64, outputs: i64) {
        let weights = (inputs * outputs) as u64;
        self.parameters += weights + outputs as u64;
        self.multiply_adds += weights;
    }
}

fn halved(size: i64) -> i64 {
    (size + 1) / 2
}
