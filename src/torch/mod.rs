//! libtorch itself: devices, threads, the allocator, and the few calls that tch does not expose.

mod allocator;
mod amp;
mod bytes;
mod catch;
mod collective;
mod conv;
pub mod cuda;
pub mod device;
#[cfg(feature = "distributed")]
pub mod distributed;
mod installation;
pub mod library;
pub(crate) mod lists;
mod norm_relu;
pub mod observe;
mod sample;
mod script;
mod shim;
mod threads;
mod transfer;
mod waiting;

pub use allocator::keep_pages;
pub(crate) use amp::Autocast;
pub use amp::check_amp;
pub(crate) use bytes::bytes_mut;
pub(crate) use catch::throw;
pub use catch::{catch, without_frames};
pub use collective::{Collective, Reduce};
pub use conv::conv2d;
pub(crate) use conv::preferred_layout;
pub use installation::Installation;
pub(crate) use norm_relu::norm_relu_takes;
pub use norm_relu::{BatchStatistics, norm_relu};
pub use sample::sample;
pub use script::ScriptModule;
pub use shim::{
    DeviceMemory, channels_last, device_memory, is_deterministic, is_tf32, set_deterministic, set_tf32, version,
};
use shim::{copy_beside, pin_memory};
pub use threads::{physical_cores, set_threads};
pub(crate) use transfer::{PackedTensors, pinned, read_number, send_beside, sent};
pub use transfer::{host_reads, read, send};
pub use waiting::restart_with_sleeping_threads;

/// The version of tch in Cargo.toml; tch has no constant for it.
pub const TCH_VERSION: &str = "0.26.0";

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, Tensor};

    /// Pseudo-random numbers in [-1, 1) that depend on `number` alone: libtorch's generator is shared with the tests on
    /// other threads.
    pub fn noise(shape: &[i64], number: i64) -> Tensor {
        let places = Tensor::arange(shape.iter().product::<i64>(), (Kind::Double, Device::Cpu));
        ((places * 12.9898 + 78.233 * number as f64).sin() * 43_758.5).frac().view(shape).to_kind(Kind::Float)
    }

    #[test]
    fn the_version_of_tch_is_that_of_cargo_toml() {
        assert!(include_str!("../../Cargo.toml").contains(&format!("tch = \"={}\"", super::TCH_VERSION)));
    }
}
