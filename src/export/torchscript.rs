//! TorchScript: a tree of modules compiled by libtorch, so that Python, C++ and mobile programs load, run and fine-tune
//! the network without mindgap.
//!
//! Parameters and buffers have torchvision's names. The root's `forward` takes uint8 or float images of 0–255
//! `[n, c, h, w]` and returns logits `[n, classes]`; `predict` returns probabilities. In training mode the modules
//! apply dropout before the classifier, but neither drop-path nor DropBlock.

use std::path::Path;

use anyhow::{Context, Result};
use tch::{Device, Kind, Tensor};

use super::{Classifier, Model, Variant};
use crate::{
    augment::Normalize,
    model::{BlockSpec, ConvSpec, Description, Role, ShortcutSpec, is_whitening},
    recipe::Stem,
    torch::{self, ScriptModule},
};

/// The bytes of a TorchScript file of `classifier`. With `half` its numbers have half precision. With `calibrated` its
/// `predict` divides the logits by the temperature that was fitted on val.
///
/// The archive also holds the files `mindgap.json` with the [`Description`], `classes.json` and `recipe.toml`.
/// Fails if no temperature was fitted for `calibrated`, and on an exception of libtorch.
pub fn to_torchscript(classifier: &Classifier, variant: Variant) -> Result<Vec<u8>> {
    let Description { temperature, classes, recipe, .. } = &classifier.description;
    let temperature =
        if variant.calibrated { temperature.context("no temperature was fitted for this network")? } else { 1.0 };
    let mut root =
        ModuleBuilder { classifier, kind: if variant.half { Kind::Half } else { Kind::Float } }.root(temperature)?;
    root.set_training(false)?;
    let classes = serde_json::to_string(classes)?;
    root.to_bytes(&[
        (Description::FILE, &classifier.description.to_json()),
        ("classes.json", &classes),
        ("recipe.toml", recipe),
    ])
}

/// The network from which the modules are built, and the type of their numbers.
struct ModuleBuilder<'a> {
    classifier: &'a Classifier,
    kind: Kind,
}

impl ModuleBuilder<'_> {
    fn root(&self, temperature: f64) -> Result<ScriptModule> {
        let architecture = &self.classifier.architecture;
        let mut root = self.module("")?;
        let (first_weight, whitened) = self.stem(&mut root)?;
        let mut layers = String::new();
        for (stage, blocks) in (1..).zip(architecture.blocks()) {
            let name = format!("layer{stage}");
            let mut layer = self.module(&name)?;
            let mut calls = String::new();
            for (number, block) in blocks.iter().enumerate() {
                layer.child(&number.to_string(), &self.block(block)?)?;
                calls += &format!("    x = getattr(self, \"{number}\").forward(x)\n");
            }
            layer.define(&format!("def forward(self, x: Tensor) -> Tensor:\n{calls}    return x\n"))?;
            root.child(&name, &layer)?;
            layers += &format!("    x = self.{name}.forward(x)\n");
        }
        let mut fc = self.leaf("fc")?;
        fc.define(
            "def forward(self, x: Tensor) -> Tensor:\n    \
                 return torch.linear(x, self.weight, self.bias)\n",
        )?;
        root.child("fc", &fc)?;

        let Description { mean, std, .. } = &self.classifier.description;
        let (scale, shift) = Normalize::factors(mean, std);
        let pool = match architecture.stem {
            Stem::Imagenet if architecture.blur_pool => {
                format!("    x = torch.max_pool2d(x, [3, 3], [1, 1], [1, 1])\n{}", blurred("x"))
            }
            Stem::Imagenet => "    x = torch.max_pool2d(x, [3, 3], [2, 2], [1, 1])\n".to_owned(),
            Stem::Small => String::new(),
        };
        let drop = architecture.drop;
        // TorchScript's number for float32 is 6.
        root.define(&format!(
            "def forward(self, images: Tensor) -> Tensor:\n    \
                 scale = torch.tensor({scale:?}, dtype=6, device=images.device).view([1, -1, 1, 1])\n    \
                 shift = torch.tensor({shift:?}, dtype=6, device=images.device).view([1, -1, 1, 1])\n    \
                 x = (images.to(6) * scale + shift).to({first_weight}.dtype)\n    \
                 x = torch.relu(self.bn1.forward(self.conv1.forward({whitened})))\n\
             {pool}{layers}    \
                 x = torch.mean(x, [2, 3])\n    \
                 x = torch.dropout(x, {drop:?}, self.training)\n    \
                 return self.fc.forward(x).to(6)\n\
             def predict(self, images: Tensor) -> Tensor:\n    \
                 return torch.softmax(self.forward(images) / {temperature:?}, 1)\n"
        ))?;
        Ok(root)
    }

    /// Adds the first layers. Returns the expressions for the first weight and for what the stem takes.
    fn stem(&self, root: &mut ScriptModule) -> Result<(&'static str, &'static str)> {
        let layers = self.classifier.architecture.stem_layers();
        if let (true, [first, rest @ ..]) = (self.classifier.architecture.whitening, layers.as_slice()) {
            root.child(&first.conv, &self.convolution("", first)?)?;
            root.child(&first.norm, &self.norm(&first.norm)?)?;
            self.conv1(root, rest)?;
            return Ok(("self.whiten.weight", "torch.relu(self.whiten_bn.forward(self.whiten.forward(x)))"));
        }
        Ok((self.conv1(root, &layers)?, "x"))
    }

    /// Adds the convolutions and norms of the stem. Returns the expression for their first weight.
    fn conv1(&self, root: &mut ScriptModule, layers: &[ConvSpec]) -> Result<&'static str> {
        if let [conv] = layers {
            root.child("conv1", &self.convolution("", conv)?)?;
            root.child("bn1", &self.norm("bn1")?)?;
            return Ok("self.conv1.weight");
        }
        // The layers between the first and the last norm are one module, whose ReLUs have a number but no module.
        let mut conv1 = self.module("conv1")?;
        let mut lines = String::from("def forward(self, x: Tensor) -> Tensor:\n");
        for conv in layers {
            let number = conv.conv.trim_start_matches("conv1.");
            conv1.child(number, &self.convolution("", conv)?)?;
            lines += &format!("    x = getattr(self, \"{number}\").forward(x)\n");
            if let Some(number) = conv.norm.strip_prefix("conv1.") {
                conv1.child(number, &self.norm(&conv.norm)?)?;
                lines += &format!("    x = torch.relu(getattr(self, \"{number}\").forward(x))\n");
            }
        }
        conv1.define(&format!("{lines}    return x\n"))?;
        root.child("conv1", &conv1)?;
        root.child("bn1", &self.norm("bn1")?)?;
        Ok("getattr(self.conv1, \"0\").weight")
    }

    fn block(&self, spec: &BlockSpec) -> Result<ScriptModule> {
        let path = &spec.path;
        let mut block = self.module(path)?;
        let mut lines = String::from("def forward(self, x: Tensor) -> Tensor:\n    y = x\n");
        for (number, layer) in (1..).zip(&spec.main) {
            let ConvSpec { conv, norm, .. } = layer;
            block.child(conv, &self.convolution(path, layer)?)?;
            block.child(norm, &self.norm(&format!("{path}.{norm}"))?)?;
            let call = format!("self.{norm}.forward(self.{conv}.forward(y))");
            let call = if number < spec.main.len() { format!("torch.relu({call})") } else { call };
            lines += &format!("    y = {call}\n");
            if layer.blur {
                lines += &blurred("y");
            }
        }
        if spec.squeezed.is_some() {
            block.child("se", &self.squeeze_excitation(&format!("{path}.se"))?)?;
            lines += "    y = self.se.forward(y)\n";
        }
        let skip = match &spec.shortcut {
            Some(shortcut) => {
                block.child("downsample", &self.downsample(path, shortcut)?)?;
                "self.downsample.forward(x)"
            }
            None => "x",
        };
        block.define(&format!("{lines}    return torch.relu(y + {skip})\n"))?;
        Ok(block)
    }

    /// The shortcut of the block at `path`. Its layers are numbered as in PyTorch's `Sequential`.
    fn downsample(&self, path: &str, shortcut: &ShortcutSpec) -> Result<ScriptModule> {
        let ShortcutSpec { pool, conv } = shortcut;
        let mut downsample = self.module(&format!("{path}.downsample"))?;
        let [first, second] = [&conv.conv, &conv.norm].map(|name| name.trim_start_matches("downsample."));
        downsample.child(first, &self.convolution(path, conv)?)?;
        downsample.child(second, &self.norm(&format!("{path}.{}", conv.norm))?)?;
        let pool = if *pool { "    x = torch.avg_pool2d(x, [2, 2], [2, 2], [0, 0], True, False)\n" } else { "" };
        downsample.define(&format!(
            "def forward(self, x: Tensor) -> Tensor:\n{pool}    \
                 x = getattr(self, \"{first}\").forward(x)\n    \
                 x = getattr(self, \"{second}\").forward(x)\n    \
                 return x\n"
        ))?;
        Ok(downsample)
    }

    fn squeeze_excitation(&self, path: &str) -> Result<ScriptModule> {
        let mut module = self.module(path)?;
        for name in ["fc1", "fc2"] {
            let mut layer = self.leaf(&format!("{path}.{name}"))?;
            // Called on vectors, which have no height and width.
            layer.define(
                "def forward(self, x: Tensor) -> Tensor:\n    \
                     return torch.linear(x, torch.flatten(self.weight, 1), self.bias)\n",
            )?;
            module.child(name, &layer)?;
        }
        module.define(
            "def forward(self, x: Tensor) -> Tensor:\n    \
                 y = torch.relu(self.fc1.forward(torch.mean(x, [2, 3])))\n    \
                 y = torch.sigmoid(self.fc2.forward(y))\n    \
                 return x * torch.unsqueeze(torch.unsqueeze(y, -1), -1)\n",
        )?;
        Ok(module)
    }

    /// A convolution of the block at `path`, or of the stem where that is empty.
    fn convolution(&self, path: &str, spec: &ConvSpec) -> Result<ScriptModule> {
        let ConvSpec { conv, kernel, stride, .. } = spec;
        let padding = kernel / 2;
        let mut module = self.leaf(&if path.is_empty() { conv.clone() } else { format!("{path}.{conv}") })?;
        module.define(&format!(
            "def forward(self, x: Tensor) -> Tensor:\n    \
                 return torch.conv2d(x, self.weight, None, [{stride}, {stride}], [{padding}, {padding}])\n"
        ))?;
        Ok(module)
    }

    fn norm(&self, path: &str) -> Result<ScriptModule> {
        let mut module = self.leaf(path)?;
        module.buffer("num_batches_tracked", &Tensor::from(self.classifier.batches_tracked))?;
        module.define(
            "def forward(self, x: Tensor) -> Tensor:\n    \
                 if self.training:\n        \
                     self.num_batches_tracked.add_(1)\n    \
                 return torch.batch_norm(x, self.weight, self.bias, self.running_mean, self.running_var, \
                     self.training, 0.1, 1e-05, True)\n",
        )?;
        Ok(module)
    }

    /// A module without tensors. Its class is named after its path, so each name is unique.
    fn module(&self, path: &str) -> Result<ScriptModule> {
        let path = if path.is_empty() { String::new() } else { format!("_{}", path.replace('.', "_")) };
        ScriptModule::new(&format!("ResNet{path}"))
    }

    /// A module with the network's tensors directly under `path`.
    fn leaf(&self, path: &str) -> Result<ScriptModule> {
        let mut module = self.module(path)?;
        for parameter in self.classifier.network.parameters.all() {
            let Some(name) = parameter.name.strip_prefix(path).and_then(|rest| rest.strip_prefix('.')) else {
                continue;
            };
            // A row-major copy, whatever the layout in which the network computes.
            let tensor = parameter.tensor.detach().to_device(Device::Cpu).to_kind(self.kind).contiguous().copy();
            match parameter.role {
                Role::Buffer => module.buffer(name, &tensor)?,
                _ => module.parameter(name, &tensor.set_requires_grad(!is_whitening(&parameter.name)))?,
            }
        }
        Ok(module)
    }
}

/// The lines that blur the variable `x` to half its size, as the network does: by two means of 2×2 pixels.
fn blurred(x: &str) -> String {
    format!(
        "    {x} = torch.avg_pool2d({x}, [2, 2], [1, 1])\n    \
             {x} = torch.avg_pool2d({x}, [2, 2], [2, 2], [1, 1], False, False)\n"
    )
}

/// A TorchScript file that runs in this process. It is a program, so untrusted files are read by
/// [`serve`](super::serve) only, in a separate process.
#[derive(Debug)]
pub struct Script {
    module: ScriptModule,
    description: Option<Description>,
    device: Device,
}

impl Script {
    /// Reads a file onto `device`.
    /// Fails if the file is no TorchScript file, or its description is invalid.
    pub fn read(path: &Path, device: Device) -> Result<Self> {
        let (module, text) = ScriptModule::load(path, device, Description::FILE)
            .context("it cannot be loaded as TorchScript; a state dict that torch.save wrote is none")?;
        let description = text.map(|text| Description::from_json(&text)).transpose()?;
        Ok(Self { module, description, device })
    }
}

impl Model for Script {
    fn description(&self) -> Option<&Description> {
        self.description.as_ref()
    }

    fn logits(&self, images: &Tensor) -> Result<Tensor> {
        let logits = self.module.forward(&images.to_device(self.device))?;
        torch::catch(|| Ok(logits.to_kind(Kind::Float)))
    }
}
