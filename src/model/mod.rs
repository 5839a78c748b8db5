//! Residual networks with torchvision's parameter names, built and initialised as torchvision does.

mod architecture;
mod block;
mod description;
pub mod drop;
pub mod drop_block;
pub mod drop_path;
mod freeze;
mod grad_cam;
mod layers;
mod parameters;
mod part;
pub mod pretrained;
mod resnet;
mod sync_norm;
pub mod weights;

pub use architecture::{Architecture, Cost};
pub use block::BlockKind;
pub use description::Description;
pub use layers::Mode;
pub use parameters::{Parameter, Parameters, Role};
pub use part::{Draws, Part};
pub use resnet::ResNet;
