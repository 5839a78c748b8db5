//! Residual networks with torchvision's parameter names, built and initialised as torchvision does.

mod architecture;
mod batch_share;
mod block;
pub mod blur_pool;
mod cost;
mod description;
pub mod drop;
pub mod drop_block;
pub mod drop_path;
mod freeze;
mod grad_cam;
mod layers;
mod parameters;
pub mod pretrained;
mod resnet;
pub mod resnet_d;
mod spec;
mod squeeze_excitation;
mod sync_norm;
pub mod weights;
mod whitening;

pub use architecture::Architecture;
pub use batch_share::{BatchShare, DropoutDraws};
pub use cost::ModelCost;
pub use description::Description;
pub use layers::Mode;
pub use parameters::{Parameter, Parameters, Role};
pub use resnet::ResNet;
pub use spec::{BlockKind, BlockSpec, ConvSpec, ShortcutSpec};
pub use whitening::is_whitening;
