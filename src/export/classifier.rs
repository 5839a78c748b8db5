//! A trained network of mindgap's that runs in this process.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use safetensors::Dtype;
use tch::{Device, Kind, Tensor};

use crate::{
    augment::Normalize,
    durable::{Archive, Array},
    model::{Architecture, Description, Mode, ResNet, weights},
    torch,
};

/// PyTorch's name for the counter of batches in each norm.
const TRACKED: &str = "num_batches_tracked";

/// A trained network in this process or another, from any file format.
pub trait Model {
    /// The description of the network; `None` for a file that mindgap did not write.
    fn description(&self) -> Option<&Description>;

    /// uint8 images `[n, c, h, w]` to float32 logits `[n, classes]`. The model normalises the images itself.
    ///
    /// # Errors
    /// The network does not take images of this shape, or computing fails.
    fn logits(&self, images: &Tensor) -> Result<Tensor>;

    /// The network itself, if it is mindgap's and runs in this process, for what needs its layers, such as Grad-CAM.
    fn classifier(&self) -> Option<&Classifier> {
        None
    }
}

/// A trained network and its description.
#[derive(Debug)]
pub struct Classifier {
    /// Classes, image shape, normalisation and recipe of the network.
    pub description: Description,
    /// The architecture of the network.
    pub architecture: Architecture,
    /// The network with its weights.
    pub network: ResNet,
    /// The number of batches on which its norms were trained.
    pub batches_tracked: i64,
    normalize: Normalize,
}

impl Classifier {
    /// The network that `description` names, on `device`, with the weights in `arrays` under torchvision's names.
    /// Half-precision numbers are converted to float32.
    ///
    /// # Errors
    /// The description's recipe cannot be read, or the names, shapes and types of the arrays are not those of its
    /// network's tensors.
    pub fn new(description: Description, arrays: &[Array], device: Device) -> Result<Self> {
        let recipe = description.recipe()?;
        recipe.validate()?;
        let architecture = description.architecture()?;
        let numbers: usize = arrays.iter().map(|array| array.shape.iter().product::<usize>()).sum();
        let parameters = architecture.cost(description.size).parameters;
        // Checked before memory is allocated, since a description may name a network of any width.
        ensure!(
            parameters <= numbers as u64,
            "its recipe names a network of {parameters} parameters, the file holds {numbers} numbers"
        );
        let (counters, arrays): (Vec<_>, Vec<_>) = arrays.iter().partition(|array| array.name.ends_with(TRACKED));
        let batches_tracked = counters.first().map_or(Ok(0), |array| counter(array))?;
        let arrays: Vec<Array> = arrays.into_iter().map(widened).collect::<Result<_>>()?;
        torch::catch(|| {
            let network = ResNet::new(&architecture, 0, device);
            let parameters = network.parameters.all().iter();
            let targets = parameters.map(|parameter| (parameter.name.clone(), &parameter.tensor));
            weights::restore(targets, &arrays.iter().collect::<Vec<_>>())?;
            let normalize = Normalize::new(&description.mean, &description.std, device);
            Ok(Self { architecture, network, batches_tracked, normalize, description })
        })
    }

    /// Reads a safetensors file that mindgap wrote.
    ///
    /// # Errors
    /// The file cannot be read or is damaged, or its weights and description do not match; the message names the file.
    pub fn read(path: &Path, device: Device) -> Result<Self> {
        let Archive { metadata, arrays } = Archive::load(path)?;
        Description::from_metadata(&metadata)
            .and_then(|description| Self::new(description, &arrays, device))
            .with_context(|| format!("cannot use {}", path.display()))
    }

    /// The contents of a safetensors file whose names, shapes and types torchvision's `load_state_dict(strict=True)`
    /// accepts. With `half` its numbers have half precision.
    ///
    /// # Errors
    /// A tensor cannot be copied to the host.
    pub fn to_archive(&self, half: bool) -> Result<Archive> {
        let mut arrays = Vec::new();
        for parameter in self.network.parameters.all() {
            let tensor = if half { parameter.tensor.to_kind(Kind::Half) } else { parameter.tensor.shallow_clone() };
            arrays.push(weights::to_array(&parameter.name, &tensor)?);
            if let Some(norm) = parameter.name.strip_suffix("running_var") {
                arrays.push(weights::to_array(format!("{norm}{TRACKED}"), &Tensor::from(self.batches_tracked))?);
            }
        }
        Ok(Archive { metadata: self.description.metadata(), arrays })
    }

    /// The network's input for uint8 images `[n, c, h, w]`.
    fn normalized(&self, images: &Tensor) -> Tensor {
        self.normalize.forward(&images.to_device(self.network.parameters.device()))
    }

    /// uint8 images `[n, c, h, w]` to what the classifier sees of them, float32 `[n, features]`.
    ///
    /// # Errors
    /// The network does not take images of this shape, or computing fails.
    pub fn features(&self, images: &Tensor) -> Result<Tensor> {
        let _guard = tch::no_grad_guard();
        torch::catch(|| Ok(self.network.features(&self.normalized(images))))
    }

    /// The evidence in each region of uint8 images `[n, c, h, w]` for the image's class in `classes`, i64 \[n\]: maps
    /// `[n, h', w']` of the last stage's size, at least 0. See [`ResNet::grad_cam`].
    ///
    /// # Errors
    /// The network does not take images of this shape, or computing fails.
    pub fn grad_cam(&self, images: &Tensor, classes: &Tensor) -> Result<Tensor> {
        let _guard = tch::no_grad_guard();
        let device = self.network.parameters.device();
        torch::catch(|| Ok(self.network.grad_cam(&self.normalized(images), &classes.to_device(device))))
    }
}

impl Model for Classifier {
    fn description(&self) -> Option<&Description> {
        Some(&self.description)
    }

    fn logits(&self, images: &Tensor) -> Result<Tensor> {
        let _guard = tch::no_grad_guard();
        torch::catch(|| Ok(self.network.forward(&self.normalized(images), Mode::Eval)))
    }

    fn classifier(&self) -> Option<&Classifier> {
        Some(self)
    }
}

/// The value of one of PyTorch's counters.
fn counter(array: &Array) -> Result<i64> {
    let tensor = weights::to_tensor(array)?;
    ensure!(tensor.numel() == 1, "{} holds {} numbers instead of one", array.name, tensor.numel());
    Ok(tensor.int64_value(&[]))
}

/// The array with half-precision numbers converted to float32.
fn widened(array: &Array) -> Result<Array> {
    if array.dtype != Dtype::F16 {
        return Ok(array.clone());
    }
    weights::to_array(&array.name, &weights::to_tensor(array)?.to_kind(Kind::Float))
}
