//! libtorch itself: devices, threads, the allocator, and the few calls that tch does not expose.

mod shim;

pub use shim::{channels_last, pin_memory, set_deterministic, version};
