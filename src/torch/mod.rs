//! libtorch itself: devices, threads, the allocator, and the few calls that tch does not expose.

mod allocator;
pub mod cuda;
pub mod device;
pub mod library;
mod shim;
mod threads;

pub use allocator::keep_pages;
pub use shim::{channels_last, pin_memory, set_deterministic, version};
pub use threads::{physical_cores, set_threads};
