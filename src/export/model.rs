//! The interface of trained networks, in whatever format and process.

use anyhow::Result;
use tch::Tensor;

use super::Classifier;
use crate::model::Description;

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
